"""`tenuto bind`: the module that it writes runs; a type checker accepts its right callers and refuses wrong ones."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tenuto as api
from tests.command import Command

EXAMPLES = Path(__file__).parent.parent / "examples"

# Names that Python, NumPy's named tuples or the module itself have already; results under names that are none.
AWKWARD = '''
## Ends in """ and \\\\.
model Awkward(self: f32[N], in_: f32[N], lambda: i64[] within 0 .. 9, past: (f32[N], bool[N])) -> (f32[N], bf16[N]) {
  let scale = lambda as f32
  return (self * scale + past.0 + in_, where(past.1, self, in_) as bf16)
}

deploy awkward = Awkward { weights: init(seed = 0) }
'''

CALLER = """
import numpy as np
from small_encoder import SmallEncoder

encoder = SmallEncoder()
ids = np.zeros((2, 5), np.int64)
mask = np.ones((2, 5), np.bool_)
floats = np.zeros((2, 5), np.float32)
flat = np.zeros((5,), np.int64)
vectors = encoder(ids, mask=mask)
"""

MISUSES = {
    "encoder(ids, ids)": "[arg-type]",
    "encoder(floats, mask)": "[arg-type]",
    "encoder(flat, mask)": "[arg-type]",
    "encoder(ids)": "[call-arg]",
    "encoder(ids, mask, mask)": "[call-arg]",
    "encoder(ids, masks=mask)": "[call-arg]",
    "encoder([[1, 2]], mask)": "[arg-type]",
    "SmallEncoder(3)": "[arg-type]",
    "vectors.shape[2]": "[misc]",
    "encoder.decode(vectors)": "[attr-defined]",
    "encoder(vectors, mask)": "[arg-type]",
}


def mypy(folder: Path, *files: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file", "", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bound(command: Command, file: str, deploy: str) -> ModuleType:
    assert command("bind", f"{file}:{deploy}").code == 0
    assert command("build", f"{file}:{deploy}", "--quiet").code == 0
    return loaded(command.folder / f"{deploy}.py")


def test_the_types_of_a_module_accept_a_right_caller_and_refuse_wrong_ones(tenuto: Command) -> None:
    for deploy in ("minilm.ten:small_encoder", "gpt2.ten:small_generator"):
        assert tenuto("bind", str(EXAMPLES / deploy)).code == 0
    tenuto.write({"awkward.ten": AWKWARD, "right.py": CALLER})
    assert tenuto("bind", "awkward.ten").code == 0
    assert mypy(tenuto.folder, "right.py", "small_encoder.py", "small_generator.py", "awkward.py") == (0, [])
    tenuto.write({"wrong.py": CALLER + "\n".join(MISUSES) + "\n"})
    code, lines = mypy(tenuto.folder, "wrong.py")
    first = CALLER.count("\n") + 1
    found = {int(line.split(":")[1]) - first: line for line in lines if ": error: " in line}
    assert code == 1
    for number, (misuse, rule) in enumerate(MISUSES.items()):
        assert number in found, f"{misuse} is accepted"
        assert found[number].endswith(rule), found[number]
    assert len(found) == len(MISUSES), lines


def test_a_module_runs_the_artifact_beside_it(tenuto: Command) -> None:
    module = bound(tenuto, str(EXAMPLES / "minilm.ten"), "small_encoder")
    ids = np.array([[3, 1, 4], [1, 5, 9]])
    mask = np.array([[True, True, False], [True, True, True]])
    expected = api.load(EXAMPLES / "minilm.ten").deploy("small_encoder").evaluate(ids=ids, mask=mask)["result"]
    np.testing.assert_allclose(module.SmallEncoder()(ids, mask), expected, atol=1e-6)


def test_several_results_have_names(tenuto: Command) -> None:
    module = bound(tenuto, str(EXAMPLES / "gpt2.ten"), "small_generator")
    ids, nothing = np.array([[3, 1, 4, 1]]), np.zeros((1, 4, 0, 8), np.float32)
    model = module.SmallGenerator()
    whole = model(ids, nothing, nothing, nothing, nothing)
    first = model(ids[:, :3], nothing, nothing, nothing, nothing)
    then = model(ids[:, 3:], *first[1:])
    assert whole._fields[:2] == ("output_0", "output_1_0_keys")
    np.testing.assert_allclose(then.output_0[:, 0], whole.output_0[:, 3], atol=1e-4)


def test_awkward_names_and_dtypes(tenuto: Command) -> None:
    tenuto.write({"awkward.ten": AWKWARD})
    module = bound(tenuto, "awkward.ten", "awkward")
    one = np.ones(3, np.float32)
    found = module.Awkward()(self_=one, in_=one, lambda_=np.asarray(2), past_0=one, past_1=one > 0)
    np.testing.assert_array_equal(found.output_0, one * 4)
    assert found.output_1.dtype.name == "bfloat16"
    assert module.Awkward.__doc__.startswith('Ends in """ and \\\\.')


@pytest.mark.parametrize("doc", ['A "quoted" end"', '"', 'Three """', 'A \\ and a \\"', "A \\"])
def test_a_doc_comment_is_a_docstring_however_it_ends(tenuto: Command, doc: str) -> None:
    tenuto.write({"quotes.ten": f"## {doc}\n{AWKWARD.lstrip().split(chr(10), 1)[1]}"})
    assert bound(tenuto, "quotes.ten", "awkward").Awkward.__doc__ == doc


def test_what_the_types_cannot_refuse_is_refused_by_the_run(tenuto: Command) -> None:
    module = bound(tenuto, str(EXAMPLES / "minilm.ten"), "small_encoder")
    ids, mask = np.zeros((2, 5), np.int64), np.ones((2, 5), np.bool_)
    with pytest.raises(api.WrongInput, match=r"`ids` is i32\[2, 5\], not i64\[B, S\]"):
        module.SmallEncoder()(ids.astype(np.int32), mask)
    with pytest.raises(api.WrongInput, match=r"`mask` is bool\[2, 4\], not bool\[B, S\]: S is 5 in `ids`"):
        module.SmallEncoder()(ids, mask[:, :4])
    with pytest.raises(api.WrongInput, match=r"within 0 \.\. 127, but holds 128 at"):
        module.SmallEncoder()(ids + 128, mask)


def test_an_artifact_of_another_deploy_is_refused(tenuto: Command) -> None:
    module = bound(tenuto, str(EXAMPLES / "minilm.ten"), "small_encoder")
    tenuto("build", str(EXAMPLES / "mlp.ten:digits_small"), "--quiet")
    with pytest.raises(api.RunError, match=r"holds another model: it takes \(image: f32\[B, 16\]"):
        module.SmallEncoder("digits_small.onnx")
    with pytest.raises(api.RunError, match=r"cannot read `none\.onnx`: No such file"):
        module.SmallEncoder("none.onnx")


def test_a_module_is_laid_out(tenuto: Command) -> None:
    tenuto.write({"awkward.ten": AWKWARD})
    targets = [str(EXAMPLES / "minilm.ten:small_encoder"), str(EXAMPLES / "gpt2.ten:small_generator"), "awkward.ten"]
    for number, target in enumerate(targets):
        assert tenuto("bind", target, "-o", f"m{number}.py").code == 0
    for task in (["format", "--check"], ["check", "--select", "F,I,UP"]):
        ruff = [sys.executable, "-m", "ruff", *task, "--isolated", "--no-cache", "."]
        done = subprocess.run(ruff, cwd=tenuto.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_where_a_module_is_written(tenuto: Command) -> None:
    target = str(EXAMPLES / "minilm.ten:small_encoder")
    told = tenuto("bind", target)
    assert told == (
        0,
        "wrote small_encoder.py; it runs `small_encoder.onnx` beside it, which `tenuto build` makes\n",
        "",
    )
    assert tenuto("bind", target, "-o", "-").out == tenuto.read("small_encoder.py")
    assert tenuto("bind", target, "-o", "none/x.py") == (
        1,
        "",
        "tenuto: `none/x.py` cannot be written: No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.ten"], "cannot read `none.ten`: No such file or directory"),
        (["a.ten"], "`a.ten` has several deploys: choose `a.ten:one`, `a.ten:two`"),
        (["a.ten:oen"], "`a.ten` has no deploy `oen`; did you mean `one`?"),
        (["a.ten:one", "-o", "x.txt"], "--output x.txt: the name of a module ends in .py"),
    ],
)
def test_misuse(tenuto: Command, arguments: list[str], told: str) -> None:
    deploys = "".join(f"deploy {name} = M {{ weights: init(seed = 0) }}\n" for name in ("one", "two"))
    tenuto.write({"a.ten": f"model M(x: f32[N]) -> f32[N] {{ return x }}\n{deploys}"})
    assert tenuto("bind", *arguments) == (2, "", f"tenuto: {told}\n")


def test_findings_are_shown_and_nothing_is_written(tenuto: Command) -> None:
    tenuto.write({"a.ten": "model M(x: f32[N]) -> f32[N] { return y }\ndeploy one = M { weights: init(seed = 0) }\n"})
    found = tenuto("bind", "a.ten")
    assert (found.code, found.err) == (1, "not written: 1 error\n")
    assert "error[unknown-name]" in found.out
    assert not (tenuto.folder / "one.py").exists()
