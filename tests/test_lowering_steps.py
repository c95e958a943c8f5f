"""`to_mlir().optimize().lower()`: each step from Python, and what is said where it cannot be taken."""

from __future__ import annotations

from pathlib import Path

import pytest

import tenuto
from tenuto_backend.iree import compiler
from tests.one_node import agree
from tests.test_models import EXAMPLES

SOURCE = """model Scale[D](x: f32[B, D]) -> f32[B, D] {
  param gain: f32[D] = normal(std = 1.0)
  return x * gain
}

deploy plain = Scale[4] { weights: init(seed = 0) }
deploy several = Scale[4] { weights: init(seed = 0), target: [cpu.x86_64, cpu.aarch64] }
deploy one = Scale[4] { weights: init(seed = 0), target: cpu.aarch64 }
"""


@pytest.fixture
def source(tmp_path: Path) -> tenuto.Source:
    (tmp_path / "model.ten").write_text(SOURCE, encoding="utf-8")
    return tenuto.load(tmp_path / "model.ten")


def test_a_module_is_made_for_the_target_that_is_said_or_named_or_for_this_processor(source: tenuto.Source) -> None:
    module = source.deploy("plain").to_mlir()
    assert module.functions == ("Scale",)
    assert module.optimize().target == "cpu"
    assert module.optimize(target="rocm.gfx942").target == "rocm.gfx942"
    assert source.deploy("one").to_mlir().optimize().target == "cpu.aarch64"
    for step in (module, module.optimize()):
        assert step.text.startswith("// Written by tenuto.\nmodule @plain")
        assert "func.func @Scale(" in step.text
        assert step.functions == module.functions


def test_what_the_compiler_must_know_of_a_target_stands_in_its_module(source: tenuto.Source) -> None:
    module = source.deploy("plain").to_mlir()
    assert 'arch = "sm_90"' in module.optimize(target="cuda.sm_90").text
    assert "sm_90" not in module.text


def test_of_several_targets_one_is_said(source: tenuto.Source) -> None:
    module = source.deploy("several").to_mlir()
    with pytest.raises(tenuto.ArtifactError, match=r"`several` has the targets cpu\.x86_64, cpu\.aarch64: say which"):
        module.optimize()
    assert module.optimize(target="cpu.x86_64").target == "cpu.x86_64"


def test_a_target_that_no_compiler_of_ours_makes_code_for_is_refused() -> None:
    module = tenuto.load(EXAMPLES / "blog.ten").deploy("my_module").to_mlir()
    with pytest.raises(tenuto.ArtifactError, match=r"IREE makes no code for `groq\.tsp`: it does for cpu, "):
        module.optimize()


def test_a_missing_compiler_is_told_with_what_installs_it(
    source: tenuto.Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    module = source.deploy("plain").to_mlir().optimize()
    with pytest.raises(ModuleNotFoundError, match=r"run `pip install 'tenuto\[mlir\]'`"):
        module.lower(tmp_path / "out" / "plain.vmfb")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_binary_is_refused(source: tenuto.Source) -> None:
    with pytest.raises(ValueError, match=r"the name of a module of machine code ends in \.vmfb"):
        source.deploy("plain").to_mlir().optimize().lower("plain.mlir")


@pytest.mark.heavy
def test_what_is_lowered_runs(tmp_path: Path) -> None:
    deploy = tenuto.load(EXAMPLES / "minilm.ten").deploy("small_encoder")
    inputs = deploy.draw(0, B=2, S=7)
    steps = deploy.to_mlir().optimize()
    for binary in (steps.lower(), steps.lower(tmp_path / "named.vmfb")):
        assert binary.target == "cpu"
        agree([*deploy.evaluate(**inputs).values()], [*binary.run(**inputs).values()], 10.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["named.safetensors", "named.vmfb"]
