"""`import tenuto`: its documented examples run, it costs nothing until it is used, and its errors say what is wrong."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest

import tenuto
import tenuto.api
import tenuto.checking
from tenuto.checking import check
from tenuto_analysis.graph import Graph
from tenuto_analysis.verify import verify
from tests.command import CLEAN, FAULTY, TENUTO, Command, clean_environment

ROOT = Path(__file__).parent.parent
MINILM = ROOT / "examples" / "minilm.ten"


@pytest.mark.parametrize("module", [tenuto, tenuto.api, tenuto.checking], ids=lambda module: module.__name__)
def test_the_documented_examples_are_true(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    examples = [test for test in doctest.DocTestFinder().find(module, module.__name__) if test.examples]
    assert examples
    for test in examples:
        told: list[str] = []
        result = doctest.DocTestRunner().run(test, out=told.append)
        assert result.failed == 0, "".join(told)


def test_the_page_about_python_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("examples", "docs/tour"):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```pycon\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        told: list[str] = []
        test = doctest.DocTestParser().get_doctest(block, names, "python.md", None, 0)
        result = doctest.DocTestRunner().run(test, out=told.append, clear_globs=False)
        names = test.globs
        assert result.attempted
        assert result.failed == 0, "".join(told)


def test_every_public_name_is_there_and_documented() -> None:
    for name in tenuto.__all__:
        thing = getattr(tenuto, name)
        assert thing.__doc__, name
        assert name in dir(tenuto)
    with pytest.raises(AttributeError, match="module 'tenuto' has no attribute 'chekc'"):
        getattr(tenuto, "chekc")  # noqa: B009


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_an_import_loads_what_is_used_and_no_more() -> None:
    allowed = {"tenuto", "warnings", "importlib", "importlib._bootstrap", "importlib._bootstrap_external"}
    assert loaded_by("import tenuto") <= allowed
    assert not {"numpy", "onnx", "onnxruntime", "pygls"} & loaded_by("import tenuto; tenuto.check")
    assert "onnxruntime" not in loaded_by("import tenuto; tenuto.load, tenuto.open_artifact")


@pytest.mark.parametrize(
    ("missing", "statement", "extra"),
    [
        ("numpy", "tenuto.load", "onnx"),
        ("onnx", "tenuto.open_artifact", "onnx"),
        ("onnxruntime", "tenuto.load('examples/mlp.ten').deploy('digits_small').run()", "run"),
        ("onnxruntime", "tenuto.load('examples/mlp.ten').deploy('digits_small').to_onnx().run()", "run"),
    ],
)
def test_a_missing_package_is_told_with_what_installs_it(missing: str, statement: str, extra: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import tenuto; tenuto.check; {statement}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    told = f"ModuleNotFoundError: this needs the package `{missing}`: run `pip install 'tenuto[{extra}]'`\n"
    assert done.stderr.endswith(told)


def test_a_version_loads_nothing_more(tmp_path: Path) -> None:
    done = subprocess.run(
        [TENUTO[0], "-X", "importtime", *TENUTO[1:], "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=clean_environment(tmp_path),
    )
    assert done.stdout == f"tenuto {tenuto.__version__}\n"
    names = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert {name for name in names if name.startswith("tenuto")} == {"tenuto", "tenuto.__main__"} & names
    assert not {"typing", "msgspec", "argparse", "numpy"} & names


# ---------------------------------------------------------------------------------------------------------------- check


def test_a_problem_prints_as_the_command_line_prints_it(tenuto: Command) -> None:
    tenuto.write({"faulty.ten": FAULTY})
    (problem,) = check("faulty.ten")
    assert tenuto("check", "--format", "concise", "--quiet").out == f"{problem}\n"


def test_check_tells_places_as_lines_and_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clean.ten").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "faulty.ten").write_text("\n" + FAULTY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (problem,) = tenuto.check(tmp_path)
    assert tenuto.check("faulty.ten") == (problem,)
    place = (problem.path, problem.line, problem.column, problem.end_line, problem.end_column)
    assert place == ("faulty.ten", 2, 38, 2, 39)
    assert (problem.rule, problem.severity) == ("unknown-name", "error")
    assert str(problem) == f"faulty.ten:2:38: error[unknown-name] {problem.message}"


def test_check_chooses_by_the_settings(tmp_path: Path) -> None:
    (tmp_path / "faulty.ten").write_text(FAULTY, encoding="utf-8")
    (tmp_path / "tenuto.toml").write_text('ignore = ["unknown-name"]\n', encoding="utf-8")
    assert tenuto.check(tmp_path) == ()


def test_check_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        tenuto.check(tmp_path / "none.ten")
    (tmp_path / "folder.ten").mkdir()
    with pytest.raises(FileNotFoundError, match=r"there is no \.ten file in"):
        tenuto.check(tmp_path / "folder.ten")
    (tmp_path / "gone.ten").symlink_to("nowhere")
    with pytest.raises(OSError, match="No such file"):
        tenuto.check(tmp_path / "gone.ten")


# ----------------------------------------------------------------------------------------------------------------- load


def test_load_refuses_what_has_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.ten").write_text(FAULTY, encoding="utf-8")
    with pytest.raises(tenuto.ProgramError, match=r"faulty\.ten:1:38: error\[unknown-name\]") as caught:
        tenuto.load("faulty.ten")
    assert caught.value.problems == tenuto.check("faulty.ten")
    with pytest.raises(FileNotFoundError):
        tenuto.load("none.ten")


def test_what_cannot_be_built_is_told_where_it_stands(tmp_path: Path) -> None:
    source = tenuto.load(MINILM)
    assert source.path == MINILM
    with pytest.raises(LookupError, match=r"has no deploy `small_encode`; did you mean `small_encoder`\?"):
        source.deploy("small_encode")
    (tmp_path / "bare.ten").write_text(
        "model M(x: f32[B, 4]) -> f32[B, 4] = x * 2.0\n\ndeploy bare = M {}\n", encoding="utf-8"
    )
    bare = tenuto.load(tmp_path / "bare.ten").deploy("bare")
    with pytest.raises(tenuto.ProgramError, match=r"bare\.ten:\d+:\d+: error\[cannot-build\]"):
        bare.to_onnx()


def test_weights_from_outside_are_read_where_that_is_allowed(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    np.savez(tmp_path / "w.npz", gain=np.full(2, 3, np.float32))
    model = "model M(x: f32[N, 2]) -> f32[N, 2] { param gain: f32[2] return x * gain }\n"
    (folder / "a.ten").write_text(f'{model}deploy d = M {{ weights: "../w.npz" }}\n', encoding="utf-8")
    x = np.ones((1, 2), np.float32)
    found = tenuto.load(folder / "a.ten", allow_outside=True).deploy("d").run(x=x)
    np.testing.assert_array_equal(found["result"], x * 3)
    with pytest.raises(tenuto.ProgramError, match="outside"):
        tenuto.load(folder / "a.ten").deploy("d").run(x=x)


# -------------------------------------------------------------------------------------------------------------- deploys


def test_a_deploy_its_artifacts_and_the_reference_agree(tmp_path: Path) -> None:
    deploy = tenuto.load(MINILM).deploy("small_encoder")
    inputs = deploy.draw(3, B=2, S=7)
    expected = deploy.evaluate(**inputs)["result"]
    runs = [
        deploy.run,
        deploy.to_onnx().run,
        deploy.to_onnx(profile="modern", opset=24, ledger=False).run,
        deploy.to_onnx(tmp_path / "beside.onnx").run,
        deploy.to_onnx(tmp_path / "inline.onnx", inline=True).run,
        tenuto.open_artifact(tmp_path / "beside.onnx").run,
    ]
    for run in runs:
        np.testing.assert_allclose(run(**inputs)["result"], expected, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.onnx", "beside.safetensors", "inline.onnx"]


def test_names_with_dots_are_given_by_two_stars() -> None:
    deploy = tenuto.load(ROOT / "examples" / "gpt2.ten").deploy("small_generator")
    inputs = deploy.draw(1, S=3, P=2)
    assert list(inputs) == ["ids", "past.0.keys", "past.0.values", "past.1.keys", "past.1.values"]
    found = deploy.run(**inputs)
    assert list(found) == [port.name for port in deploy.outputs]
    assert found["1.0.keys"].shape[2] == 5


def test_the_graph_is_the_verified_one() -> None:
    graph = tenuto.load(MINILM).deploy("small_encoder").graph
    assert isinstance(graph, Graph)
    assert verify(graph) is graph
    assert graph.entry.name == "Encoder"


def test_an_artifact_tells_its_model_its_path_and_its_types(tmp_path: Path) -> None:
    deploy = tenuto.load(MINILM).deploy("small_encoder")
    memory, disk = deploy.to_onnx(), deploy.to_onnx(tmp_path / "a.onnx")
    assert memory.path is None
    assert disk.path == tmp_path / "a.onnx"
    onnx.checker.check_model(memory.model, full_check=True)
    onnx.checker.check_model(str(disk.path), full_check=True)
    read = tenuto.open_artifact(tmp_path / "a.onnx")
    for artifact in (memory, disk, read):
        assert list(map(str, artifact.inputs)) == ["ids: i64[B, S] within 0 .. 127", "mask: bool[B, S]"]
        assert list(map(str, artifact.outputs)) == ["result: f32[B, 24]"]


def test_what_does_not_fit_is_refused() -> None:
    deploy = tenuto.load(MINILM).deploy("small_encoder")
    inputs = deploy.draw()
    wrong = {
        r"`ids` is f64\[2, 3\], not i64\[B, S\]": inputs | {"ids": np.zeros((2, 3))},
        r"`mask` is bool\[2, 2\], not bool\[B, S\]: S is 3 in `ids`": inputs | {"mask": inputs["mask"][:, :2]},
        "also takes `mask: ": {"ids": inputs["ids"]},
        "has no input `masks`; did you mean `mask`": inputs | {"masks": inputs["mask"]},
        "S is 65, but `small_encoder` asks for S <= 64": {
            "ids": np.zeros((1, 65), np.int64),
            "mask": np.ones((1, 65), np.bool_),
        },
    }
    for told, given in wrong.items():
        for run in (deploy.run, deploy.evaluate, deploy.to_onnx().run):
            with pytest.raises(tenuto.WrongInput, match=told):
                run(**given)
    with pytest.raises(tenuto.WrongInput, match="asks for B <= 8"):
        deploy.draw(B=9)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    deploy = tenuto.load(MINILM).deploy("small_encoder")
    with pytest.raises(tenuto.OnnxError, match="opset 27"):
        deploy.to_onnx(opset=27)
    with pytest.raises(ValueError, match=r"ends in \.onnx"):
        deploy.to_onnx(tmp_path / "a.pb")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        deploy.to_onnx(tmp_path / "file" / "a.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


CALLER = """
import numpy as np
import tenuto

problems: tuple[tenuto.Problem, ...] = tenuto.check("a.ten")
deploy = tenuto.load("a.ten").deploy("d")
artifact = deploy.to_onnx("a.onnx", profile="modern")
found = artifact.run(ids=np.zeros(3))["result"]
"""

MISUSES = {
    "tenuto.chekc('a.ten')": "[attr-defined]",
    "tenuto.load(3)": "[arg-type]",
    "deploy.to_onnx(profile='newest')": "[arg-type]",
    "deploy.run(np.zeros(3))": "[call-arg]",
    "artifact.modle": "[attr-defined]",
    "problems[0].lines": "[attr-defined]",
}


def test_type_checkers_know_the_interface(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(CALLER + "\n".join(MISUSES) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file", "", "caller.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    rules = [line.rsplit(" ", 1)[1] for line in done.stdout.splitlines() if ": error: " in line]
    assert rules == list(MISUSES.values()), done.stdout


def test_an_input_that_is_no_array_is_told() -> None:
    digits = tenuto.load(ROOT / "examples" / "mlp.ten").deploy("digits_small")
    rows: Any = [[0.0] * 16]
    with pytest.raises(tenuto.WrongInput, match=r"`image` is of type list, not f32\[B, 16\]: give a NumPy array"):
        digits.evaluate(image=rows)
