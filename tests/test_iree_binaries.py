"""Machine code as IREE makes it: for processors and GPUs that are not here, and run where it is for this one."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import tenuto
from tenuto.api import Deploy
from tenuto.cli.main import run as command
from tenuto_backend.iree import compiler
from tenuto_backend.iree.messages import Load, tensor_of
from tenuto_backend.iree.process import Process
from tenuto_backend.iree.targets import NAMES, target
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.printing import text
from tenuto_backend.runtime.base import RunError
from tenuto_backend.runtime.binary import Binary, open_binary
from tenuto_backend.weights.beside import ArtifactError
from tests.models import fetched
from tests.one_node import agree
from tests.test_models import EXAMPLES, graph_of

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def encoder() -> Deploy:
    return tenuto.load(EXAMPLES / "minilm.ten").deploy("small_encoder")


@pytest.fixture(scope="module")
def compiled(encoder: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Binary:
    return encoder.to_vmfb(tmp_path_factory.mktemp("compiled") / "encoder.vmfb")


@pytest.fixture
def made(compiled: Binary, tmp_path: Path) -> Binary:
    """A copy with its weights, to be spoilt."""
    for name in ("encoder.vmfb", "encoder.safetensors"):
        shutil.copy(compiled.path.with_name(name), tmp_path)
    return open_binary(tmp_path / "encoder.vmfb")


def _elf(machine: int) -> Callable[[bytes], bool]:
    """An executable of the System V kind for a machine, by its number."""

    def check(code: bytes) -> bool:
        at = code.find(b"\x7fELF")
        return at >= 0 and int.from_bytes(code[at + 18 : at + 20], "little") == machine

    return check


def _text(*words: bytes) -> Callable[[bytes], bool]:
    return lambda code: all(word in code for word in words)


def _of_amd(architecture: str) -> Callable[[bytes], bool]:
    return lambda code: _elf(224)(code) and architecture.encode() in code


HOLDS: dict[str, Callable[[bytes], bool]] = {
    "cpu": _text(b"\x7fELF"),
    "cpu.x86_64": _elf(62),
    "cpu.aarch64": _elf(183),
    "cuda.sm_80": _text(b".target sm_80"),
    "cuda.sm_89": _text(b".target sm_89"),
    "cuda.sm_90": _text(b".target sm_90"),
    "rocm.gfx942": _of_amd("gfx942"),
    "rocm.gfx950": _of_amd("gfx950"),
    "rocm.gfx1100": _of_amd("gfx1100"),
    "vulkan": _text(b"\x03\x02\x23\x07"),
    "metal": _text(b"metal_stdlib"),
}
"""What the code of a target is known by: the machine of an executable, the target of PTX, the first word of SPIR-V."""


@pytest.mark.parametrize("name", NAMES)
def test_an_encoder_is_compiled_for_every_target_without_its_device(name: str, encoder: Deploy, tmp_path: Path) -> None:
    made = encoder.to_vmfb(tmp_path / "encoder.vmfb", target=name)
    assert made.target == name
    assert [*map(str, made.inputs)] == [*map(str, encoder.inputs)]
    assert HOLDS[name](made.path.read_bytes())
    if not name.startswith("cpu"):
        assert "local" not in made.record.device
        with pytest.raises(RunError):
            made.run(**encoder.draw())  # There is no such device, or none that takes it.


def test_every_target_has_an_artifact_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets = [part for name in ("cpu", "cuda.sm_90") for part in ("--target", name)]
    source = f"{EXAMPLES / 'mlp'}.ten:digits_small"
    assert command(["build", source, "--emit", "vmfb", "-o", str(tmp_path), *targets]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    found = {path.name: open_binary(path) for path in sorted(tmp_path.glob("*.vmfb"))}
    assert [*found] == ["digits_small.cpu.vmfb", "digits_small.cuda.sm_90.vmfb"]
    for name, binary in found.items():
        assert name == f"digits_small.{binary.target}.vmfb"
        assert (tmp_path / str(binary.record.weights)).is_file()


def test_a_deploy_is_compiled_for_the_targets_that_it_names(tmp_path: Path) -> None:
    source = tmp_path / "scale.ten"
    body = "model Scale(x: f32[N]) -> f32[N] = x * 2.0\n\ndeploy scale = Scale {\n  weights: init(seed = 0),\n"
    source.write_text(f"{body}  target: cpu.aarch64,\n}}\n", encoding="utf-8")
    assert command(["build", f"{source}:scale", "--emit", "vmfb", "-o", str(tmp_path), "-q"]) == 0
    assert open_binary(tmp_path / "scale.vmfb").target == "cpu.aarch64"


# ----------------------------------------------------------------------------------------------------------------- runs


def test_code_for_this_processor_gives_the_numbers_of_the_reference(encoder: Deploy, compiled: Binary) -> None:
    reread = open_binary(compiled.path)
    for sizes in ({"B": 1, "S": 7}, {"B": 3, "S": 16}):
        inputs = encoder.draw(0, **sizes)
        wanted = [*encoder.evaluate(**inputs).values()]
        agree(wanted, [*compiled.run(**inputs).values()], 10.0)
        agree(wanted, [*reread.run(**inputs).values()], 10.0)
    with pytest.raises(tenuto.WrongInput, match="`ids` is"):
        compiled.run(**encoder.draw(0, B=1, S=7) | {"ids": np.zeros((1, 7), np.int32)})


def test_a_size_that_is_given_is_a_number_in_the_code(encoder: Deploy, tmp_path: Path) -> None:
    made = encoder.to_vmfb(tmp_path / "encoder.vmfb", dims={"S": 16})
    assert [port.shape for port in made.inputs] == [("B", 16), ("B", 16)]
    inputs = encoder.draw(0, B=2, S=16)
    agree([*encoder.evaluate(**inputs).values()], [*made.run(**inputs).values()], 10.0)


@pytest.mark.parametrize("backend", ["iree", "onnxruntime", "reference"])
def test_a_deploy_runs_by_every_back_end(backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = f"{EXAMPLES / 'minilm'}.ten:small_encoder"
    output = str(tmp_path / "out.npz")
    assert command(["run", source, "--backend", backend, "--dim", "B=2", "--dim", "S=5", "-o", output]) == 0
    assert f"({backend})" in capsys.readouterr().out
    drawn = tenuto.load(EXAMPLES / "minilm.ten").deploy("small_encoder")
    wanted = drawn.evaluate(**drawn.draw(0, B=2, S=5))
    with np.load(output) as found:
        np.testing.assert_allclose(found["result"], wanted["result"], atol=1e-6)


# --------------------------------------------------------------------------------------------------- what may go wrong


def test_a_weight_that_is_missing_when_it_runs_is_told_by_its_path(
    encoder: Deploy, made: Binary, tmp_path: Path
) -> None:
    data = tmp_path / "encoder.safetensors"
    weights = load_file(data)
    del weights["layer.0.attention.query.weight"]
    save_file(weights, data)
    with pytest.raises(RunError, match=r"`encoder.safetensors` has no weight `layer.0.attention.query.weight`, which"):
        made.run(**encoder.draw())
    data.unlink()
    with pytest.raises(RunError, match=r"takes its weights from `encoder.safetensors`, which is not beside it"):
        made.run(**encoder.draw())


@pytest.mark.parametrize("content", [b"", b"no module at all, but long enough to look like one" * 20])
def test_a_file_that_is_no_module_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.vmfb"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"`x.vmfb` is no module of IREE"):
        open_binary(path)


def test_code_that_is_cut_off_is_told(encoder: Deploy, made: Binary) -> None:
    made.path.write_bytes(made.path.read_bytes()[:-4000])
    with pytest.raises(RunError, match=r"`encoder.vmfb`"):
        open_binary(made.path).run(**encoder.draw())


def test_a_module_that_breaks_down_ends_its_own_process_alone(encoder: Deploy, compiled: Binary) -> None:
    data = compiled.path.with_suffix(".safetensors")
    process = Process("encoder.vmfb", Load(str(compiled.path), "local-task", str(data)))
    inputs = [tensor_of(array) for array in encoder.draw().values()]
    assert process.run(inputs)
    os.kill(process.id, signal.SIGSEGV)
    with pytest.raises(RunError, match=r"`encoder\.vmfb` broke down: its process ended by SIGSEGV"):
        process.run(inputs)


def test_a_target_that_breaks_the_compiler_down_is_told(encoder: Deploy, tmp_path: Path) -> None:
    for name in ("vulkan.nonsense", "cuda.sm_1", "rocm.gfx1", "cpu.x86_64.nonsense"):
        with pytest.raises(ArtifactError, match=f"IREE makes no code for `{name}`: "):
            encoder.to_vmfb(tmp_path / "encoder.vmfb", target=name)
    assert not [*tmp_path.iterdir()]


def test_a_compiler_that_does_not_end_is_ended() -> None:
    with pytest.raises(ArtifactError, match="IREE's compiler was ended after 0 s"):
        compiler.run(compiler.probe("module {\n}\n"), target("cpu").tries[0], timeout=0.01)


def test_what_the_compiler_refuses_is_told_at_the_line_of_the_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "tangent.ten"
    body = "model M(x: f64[N]) -> f64[N] {\n  let y = x * 2.0\n  return tan(y) + 1.0\n}\n"
    source.write_text(f"{body}\ndeploy m = M {{ weights: init(seed = 0), precision: f64 }}\n", encoding="utf-8")
    assert command(["build", f"{source}:m", "--emit", "vmfb", "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "tangent.ten:3:10" in told
    assert "IREE does not compile this for `cpu`: undefined symbol: " in told
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------ structure and places

_LOCATION = re.compile(r'"(?P<file>[^"]+\.ten)":(?P<line>\d+):(?P<column>\d+)')
_DISPATCH = re.compile(r"^ +(?:%\S+ = linalg\..*|\} -> .*) loc\((?P<place>.*)\)$", re.MULTILINE)
FLAGS = (*target("cpu").tries[0], "--mlir-print-debuginfo")


def test_functions_are_the_definitions_that_are_used_and_stay_so_beyond_the_input_phase() -> None:
    fetched("all-MiniLM-L6-v2.safetensors")
    db, graph = graph_of("minilm", "embed")
    module = emit(db, graph)
    written = compiler.run(text(module), (*FLAGS, "--compile-to=input")).decode()
    names = re.findall(r"^ +util\.func (?:private|public) @(\w+)", written, re.MULTILINE)
    assert names == [function.name for function in module.functions]
    assert len(names) == len({(function.file, function.key, function.statics) for function in graph.functions})
    assert {function.name for function in graph.functions} == set(re.findall(r'definition = "(\w+)"', written))


def test_every_dispatch_names_its_line_of_the_source(tmp_path: Path) -> None:
    """In the sources of the executables, which are what machine code is made of."""
    db, graph = graph_of("minilm", "small_encoder")
    compiler.run(text(emit(db, graph)), (*FLAGS, f"--iree-hal-dump-executable-sources-to={tmp_path}"))
    dumps = sorted(tmp_path.glob("*dispatch*.mlir"))
    assert len(dumps) > 10
    folder = Path(graph.file).parent
    for dump in dumps:
        places = [found[1] for found in _DISPATCH.finditer(dump.read_text(encoding="utf-8"))]
        assert places, dump.name
        for place in places:
            found = _LOCATION.search(place)
            assert found is not None, f"{dump.name}: {place}"
            if not found["file"].startswith("std/"):
                lines = (folder / found["file"]).read_text(encoding="utf-8").splitlines()
                assert lines[int(found["line"]) - 1][int(found["column"]) - 1 :].strip()
