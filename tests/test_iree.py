"""Machine code by IREE, without its compiler: names of targets, notes of a binary, what is said of what is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import tenuto
from tenuto.cli.main import run
from tenuto_backend.iree import record as records
from tenuto_backend.iree.compiler import Machine
from tenuto_backend.iree.record import notes, record, refuse_other_machine
from tenuto_backend.iree.targets import NAMES, target
from tenuto_backend.mlir.emit import emit
from tenuto_backend.runtime.base import RunError, of_graph
from tenuto_backend.weights.beside import ArtifactError
from tests.command import Command
from tests.test_models import EXAMPLES, SMALL, graph_of, small_deploy

LIKE_OURS = Machine("x86_64", "znver4", ("avx2", "fma", "sse4.1"))


@pytest.mark.parametrize("name", [*NAMES, "cpu.x86_64.znver4", "cuda.sm_100", "cuda.sm_120", "vulkan.rdna3"])
def test_a_target_is_known_by_name(name: str) -> None:
    found = target(name)
    assert found.name == name and found.tries


@pytest.mark.parametrize(
    "name", ["cpu.riscv", "cpu.x86_64.a b", "cuda", "cuda.sm", "cuda.90", "rocm.mi300", "metal.m1", "groq.tsp", ""]
)
def test_another_target_is_told_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ArtifactError, match=r"IREE makes no code for `.*`: it does for cpu, cpu\.x86_64, "):
        target(name)


def test_what_the_options_of_the_compiler_do_not_know_is_written_into_the_module() -> None:
    described = {name: target(name).devices for name in ("cuda.sm_80", "cuda.sm_89", "cuda.sm_90", "cuda.sm_100")}
    assert described["cuda.sm_80"] is None and described["cuda.sm_89"] is None
    for name in ("cuda.sm_90", "cuda.sm_100"):
        assert f'arch = "{name.removeprefix("cuda.")}"' in str(described[name])


# ---------------------------------------------------------------------------------------------------------------- notes


def noted(example: str, machine: Machine = LIKE_OURS) -> Mapping[str, str]:
    """The notes of a small deploy's binary."""
    db, graph = graph_of(example, small_deploy(example))
    own = notes(target("cpu"), machine, "IREE 3.13.0", "small.safetensors")
    return dict((*emit(db, graph).functions[-1].reflection, *own))


@pytest.mark.parametrize("example", SMALL)
def test_the_interface_of_every_example_is_read_back_from_its_notes(example: str) -> None:
    _, graph = graph_of(example, small_deploy(example))
    wanted, found = of_graph(graph), record("x.vmfb", "main", noted(example)).interface
    assert (found.name, [*map(str, found.inputs)], [*map(str, found.outputs)]) == (
        wanted.name,
        [*map(str, wanted.inputs)],
        [*map(str, wanted.outputs)],
    )
    assert len(found.bounds) == len(wanted.bounds)
    assert [*found.symbols] == [*wanted.symbols]
    assert [name for name, _ in found.size_inputs] == [name for name, _ in wanted.size_inputs]


def test_the_notes_tell_the_target_the_processor_and_the_compiler() -> None:
    found = record("x.vmfb", "main", noted("minilm"))
    assert (found.target, found.device, found.compiler, found.weights) == (
        "cpu",
        "local-task",
        "IREE 3.13.0",
        "small.safetensors",
    )
    assert found.machine == LIKE_OURS


def test_a_module_of_others_is_refused() -> None:
    with pytest.raises(RunError, match=r"`x\.vmfb` is no module that Tenuto has compiled"):
        record("x.vmfb", "main", {})


def test_code_for_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(records, "_abilities", lambda: frozenset({"avx2", "fma", "sse41"}))
    refuse_other_machine("x.vmfb", record("x.vmfb", "main", noted("minilm")))
    wide = Machine("x86_64", "znver5", ("avx2", "avx512f", "avx512vnni", "64bit"))
    with pytest.raises(RunError, match=r"compiled for `cpu` \(znver5\), and this processor lacks avx512f, avx512vnni"):
        refuse_other_machine("x.vmfb", record("x.vmfb", "main", noted("minilm", wide)))
    with pytest.raises(RunError, match="compiled for `cpu`, and this machine is x86_64: build it for this one"):
        refuse_other_machine("x.vmfb", record("x.vmfb", "main", noted("minilm", Machine("arm_64", "generic"))))


# --------------------------------------------------------------------------------------------------- what is said of it


@pytest.fixture
def without_iree(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name.split(".")[0] == "iree" else real(name, package)

    monkeypatch.setattr("tenuto_backend.iree.compiler.find_spec", find_spec)
    monkeypatch.setattr("tenuto_backend.iree.process.find_spec", find_spec)


@pytest.mark.usefixtures("without_iree")
@pytest.mark.parametrize("arguments", [("build", "--emit", "vmfb"), ("run", "--backend", "iree")])
def test_a_missing_compiler_is_told_with_the_command_that_installs_it(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command, *options = arguments
    assert run([command, f"{EXAMPLES / 'mlp'}.ten:digits_small", *options]) == 2
    assert capsys.readouterr().err == "tenuto: this needs the package `iree`: run `pip install 'tenuto[mlir]'`\n"
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "mlp.ten", "--target", "cpu"), "--target is an option of machine code: say --emit vmfb"),
        (("run", "x.vmfb", "--backend", "reference"), "x.vmfb is machine code, which --backend reference cannot run"),
        (("run", "x.vmfb"), "there is no file `x.vmfb`"),
        (("run", "x.onnx", "--backend", "iree"), "an ONNX model runs in onnxruntime"),
    ],
)
def test_what_makes_no_sense_is_misuse(tenuto: Command, arguments: tuple[str, ...], said: str) -> None:
    found = tenuto(*arguments)
    assert found.code == 2
    assert said in found.err


def test_the_name_of_machine_code_ends_in_vmfb(tmp_path: Path) -> None:
    deploy = tenuto.load(EXAMPLES / "mlp.ten").deploy("digits_small")
    with pytest.raises(ValueError, match=r"ends in \.vmfb"):
        deploy.to_vmfb(tmp_path / "digits.onnx")
