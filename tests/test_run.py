"""`tenuto run`: what is given is held against its type before anything runs, the rest is drawn within its type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tenuto.cli.target import open_target
from tenuto_analysis.dims import Compare, Dim, Relation, Symbol, evaluate, floordiv, holds, literal, modulo, of
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.types import Interval, Tensor
from tenuto_backend.build import program
from tenuto_backend.reference.dtypes import DTYPES, FLOATING
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime import files, onnxruntime
from tenuto_backend.runtime.artifact import interface_of, open_artifact
from tenuto_backend.runtime.base import Interface, Port, WrongInput, of_graph
from tenuto_backend.runtime.inputs import UNTOLD, ready
from tenuto_backend.runtime.sizes import settled
from tests.command import Command

EXAMPLES = Path(__file__).parent.parent / "examples"
MINILM = str(EXAMPLES / "minilm.ten:small_encoder")

SMALL = """
model Scale(x: f32[N, 2] within -1.0 .. 1.0, shift: f32[N]) -> f32[N, 2] where N >= 1 {
  param gain: f32[2] = constant(3.0)
  return x * gain + shift[:, none]
}

deploy scale = Scale { weights: init(seed = 0), dims: { N: 1 .. 4 } }
"""


def small_deploys() -> list[str]:
    """A deploy of each example that is small, and that this version builds."""
    found = []
    for path in sorted(EXAMPLES.glob("*.ten")):
        lines = path.read_text(encoding="utf-8").splitlines()
        names = [line.split()[1] for line in lines if line.startswith("deploy ") and "small" in line.split()[1]]
        found += [f"{path}:{name}" for name in names]
    return found


def arrays(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as loaded:
        return dict(loaded)


# -------------------------------------------------------------------------------------------------------- what it shows


def test_given_inputs_and_the_summary(tenuto: Command) -> None:
    tenuto.write({"a.ten": SMALL})
    code, out, err = tenuto("run", "a.ten", "-i", "x=[[0, 0.5], [1, -1]]", "-i", "shift=[10, 20]")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:-1] == [
        "        name    type       least    mean  greatest  first",
        "given   x       f32[2, 2]     -1   0.125         1  0, 0.5, 1, -1",
        "given   shift   f32[2]        10      15        20  10, 20",
        "output  result  f32[2, 2]     10  15.375        23  10, 11.5, 23, 17",
    ]
    assert lines[-1].startswith("ran in ")
    assert lines[-1].endswith(" s (onnxruntime)")


def test_what_is_not_given_is_drawn_within_its_type(tenuto: Command) -> None:
    tenuto.write({"a.ten": SMALL})
    out = tenuto("run", "a.ten", "-i", "shift=[0, 0, 0]").out.splitlines()
    assert [line.split()[0] for line in out[1:4]] == ["drawn", "given", "output"]
    assert "f32[3, 2]" in out[1]
    assert "f32[3, 2]" in out[3]


def test_the_same_seed_draws_the_same_and_another_does_not(tenuto: Command) -> None:
    files_ = {}
    for name, options in {"a": [], "b": [], "c": ["--seed", "1"], "d": ["--dim", "S=9"]}.items():
        assert tenuto("run", MINILM, "--quiet", "-o", f"{name}.npz", *options).code == 0
        files_[name] = arrays(tenuto.folder / f"{name}.npz")["result"]
    np.testing.assert_array_equal(files_["a"], files_["b"])
    assert not np.array_equal(files_["a"], files_["c"])
    assert files_["d"].shape == (2, 24)


def test_quiet_says_nothing_and_a_written_file_is_told(tenuto: Command) -> None:
    assert tenuto("run", MINILM, "--quiet") == (0, "", "")
    assert tenuto("run", MINILM, "-o", "out.npz").out.endswith(" s (onnxruntime), wrote out.npz\n")


# ----------------------------------------------------------------------------------------------------- what it computes


@pytest.mark.parametrize("target", small_deploys(), ids=lambda target: Path(target).stem + target[target.index(":") :])
def test_both_back_ends_agree_on_what_is_drawn(tenuto: Command, target: str) -> None:
    for backend in ("onnxruntime", "reference"):
        assert tenuto("run", target, "--backend", backend, "--quiet", "-o", f"{backend}.npz").code == 0
    found, expected = (arrays(tenuto.folder / f"{backend}.npz") for backend in ("onnxruntime", "reference"))
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=3e-5)


def test_an_artifact_gives_what_its_deploy_gives(tenuto: Command) -> None:
    assert tenuto("build", MINILM, "--quiet").code == 0
    for number, arguments in enumerate(
        ([MINILM], ["small_encoder.onnx"], ["small_encoder.onnx", "--backend", "reference"])
    ):
        assert tenuto("run", *arguments, "--dim", "B=2", "--dim", "S=5", "--quiet", "-o", f"{number}.npz").code == 0
    first, *others = (arrays(tenuto.folder / f"{number}.npz")["result"] for number in range(3))
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-6)


def test_sizes_of_an_artifact_that_are_computed_are_held_too(tenuto: Command) -> None:
    tenuto.write(
        {
            "a.ten": "model M(x: f32[S], past: f32[P], mask: bool[P + S]) -> f32[P + S] "
            "{ return where(mask, concat([past, x], axis = 0), 0.0) }\n"
            "deploy d = M { weights: init(seed = 0) }\n"
        }
    )
    assert tenuto("build", "a.ten", "--quiet").code == 0
    for target in ("a.ten", "d.onnx"):
        found = tenuto("run", target, "-i", "x=[1, 2]", "-i", "past=[3]", "-i", "mask=[true, false]")
        assert found == (2, "", "tenuto: `mask` is bool[2], not bool[P + S]: P + S is 3\n")
        drawn = tenuto("run", target, "-i", "mask=[true, false, true, true, true]", "--dim", "P=1")
        assert drawn.code == 0, drawn.err
        assert "f32[4]" in drawn.out


def test_what_onnxruntime_has_no_code_for_is_told_with_who_has(tenuto: Command) -> None:
    text = "model M(x: bf16[N]) -> bf16[N] { return relu(x) }\ndeploy d = M { weights: init(seed = 0) }\n"
    tenuto.write({"a.ten": text})
    found = tenuto("run", "a.ten")
    assert (found.code, found.out) == (1, "")
    assert "Could not find an implementation for Relu" in found.err
    assert "`reference`" in found.err
    assert tenuto("run", "a.ten", "--backend", "reference").code == 0


def test_a_loop_over_short_floats_does_not_end_onnxruntime(tenuto: Command) -> None:
    text = (EXAMPLES / "lstm_tagger.ten").read_text(encoding="utf-8")
    small = "deploy tagger_small = Tagger[small] {"
    tenuto.write({"a.ten": text.replace(small, f"{small}\n  precision: f16,")})
    for backend in ("onnxruntime", "reference"):
        assert tenuto("run", "a.ten:tagger_small", "--backend", backend, "--quiet", "-o", f"{backend}.npz").code == 0
    found, expected = (arrays(tenuto.folder / f"{backend}.npz")["result"] for backend in ("onnxruntime", "reference"))
    np.testing.assert_allclose(found.astype(np.float32), expected.astype(np.float32), atol=2e-3)


def test_bf16_goes_in_and_comes_out(tenuto: Command) -> None:
    tenuto.write({"a.ten": "model M(x: bf16[N]) -> bf16[N] { return x }\ndeploy d = M { weights: init(seed = 0) }\n"})
    x = np.array([1.5, -2.0, 3.25], ml_dtypes.bfloat16)
    np.save(tenuto.folder / "x.npy", x.view("V2"))
    for backend in ("onnxruntime", "reference"):
        assert tenuto("run", "a.ten", "-i", "x=x.npy", "--backend", backend, "-o", "out.npz", "--quiet").code == 0
        np.testing.assert_array_equal(arrays(tenuto.folder / "out.npz")["result"].view(ml_dtypes.bfloat16), x)


def test_low_bit_products_are_computed_with_whole_activations(tmp_path: Path) -> None:
    """onnxruntime's own default would round the activations of this product to eight bits."""
    random = np.random.default_rng(0)
    size, block = 64, 32
    quantised = random.integers(-8, 8, (size, size))
    scales = random.uniform(0.5, 1.5, (size // block, size)).astype(np.float32)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=block),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", size])],
        [
            helper.make_tensor("w", TensorProto.INT4, [size, size], quantised.reshape(-1)),
            helper.make_tensor("s", TensorProto.FLOAT, scales.shape, scales.reshape(-1)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    x = random.normal(size=(3, size)).astype(np.float32)
    (found,) = onnxruntime.of_model(path)([x])
    expected = x.astype(np.float64) @ (quantised * np.repeat(scales, block, axis=0))
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-6


# ----------------------------------------------------------------------------------------------------- files and JSON


def test_inputs_from_files(tenuto: Command) -> None:
    ids, mask = np.array([[3, 1, 4]]), np.array([[True, True, False]])
    np.save(tenuto.folder / "ids.npy", ids.astype(">i8"))
    np.savez(tenuto.folder / "both.npz", ids=ids, mask=mask)
    tenuto.write({"both.json": json.dumps({"ids": ids.tolist(), "mask": mask.tolist()})})
    ways = {
        "npz": ["--inputs", "both.npz"],
        "json": ["--inputs", "both.json"],
        "mixed": ["-i", "ids=ids.npy", "-i", "mask=[[true, true, false]]"],
    }
    for name, options in ways.items():
        found = tenuto("run", MINILM, *options, "--quiet", "-o", f"{name}.npz")
        assert found == (0, "", "")
    first, *others = (arrays(tenuto.folder / f"{name}.npz")["result"] for name in ways)
    for other in others:
        np.testing.assert_array_equal(first, other)


@given(st.sampled_from(sorted(DTYPES)), st.data())
def test_json_holds_the_numbers_of_an_array(name: str, data: st.DataObject) -> None:
    dtype = DTYPES[name]
    shape = data.draw(st.lists(st.integers(1, 3), max_size=3))
    port = Port("x", Tensor(SCALARS[name], tuple(map(literal, shape))))
    drawn = ready(Interface("m", (port,), ()), {}, {}, data.draw(st.integers(0, 9))).arrays[0]
    as_json = drawn.astype(np.float64 if dtype in FLOATING else np.bool_ if name == "bool" else np.int64).tolist()
    back = files.from_json(port, json.loads(json.dumps(as_json)))
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, drawn)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_outputs_of_every_dtype_are_written_and_read_again(name: str, tmp_path: Path) -> None:
    port = Port("a/b.file", Tensor(SCALARS[name], (literal(2), literal(3))))
    interface = Interface("m", (port,), ())
    (array,) = ready(interface, {}, {}, 5).arrays
    (tmp_path / "x.npz").write_bytes(files.packed({"a/b.file": array}))
    back = files.many(interface, str(tmp_path / "x.npz"))["a/b.file"]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


# --------------------------------------------------------------------------------------------------------- what is told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-i", "ids=[[1, 128]]"], "`ids` is i64[B, S] within 0 .. 127, but holds 128 at [0, 1]"),
        (["-i", "ids=[1, 2]"], "`ids` is i64[2], not i64[B, S]: its rank is 1, not 2"),
        (["-i", "ids=[[1, 2], [3]]"], "`ids` is not i64[B, S]: its lists have different lengths"),
        (["-i", "ids=[[1, 2.5]]"], "`ids` is i64[B, S], and 2.5 is no i64"),
        (["-i", "ids=[[1, true]]"], "`ids` is i64[B, S], and true is no i64"),
        (["-i", "ids=[[9223372036854775808]]"], "`ids` is i64[B, S], and 9223372036854775808 is no i64"),
        (["-i", "mask=[[1, 0]]"], "`mask` is bool[B, S], and 1 is no bool"),
        (
            ["-i", "ids=[[1, 2]]", "-i", "mask=[[true, true, true]]"],
            "`mask` is bool[1, 3], not bool[B, S]: S is 2 in `ids`",
        ),
        (["-i", "ids=[[1, 2]]", "--dim", "S=3"], "`ids` is i64[1, 2], not i64[B, S]: S is 3 as it was chosen"),
        (["--dim", "S=65"], "S is 65, but `small_encoder` asks for S <= 64"),
        (["--dim", "B=0"], "B is 0, but `small_encoder` asks for B >= 1"),
        (["--dim", "T=3"], "`small_encoder` has no size `T`; it has B, S"),
        (["--dim", "S=-1"], "--dim S=-1: a size is an integer that is not negative"),
        (["--dim", "S"], "--dim S: write name=value"),
        (["--dim", "S=1", "--dim", "S=2"], "--dim: `S` is given twice"),
        (["-i", "id=[[1]]"], "`small_encoder` has no input `id`; did you mean `ids`?"),
        (["-i", "ids"], "--input ids: write name=value"),
        (["-i", "ids=[[1]]", "-i", "ids=[[1]]"], "--input: `ids` is given twice"),
        (["-i", "ids=none.npy"], "cannot read `none.npy`: No such file or directory"),
        (["-i", "ids=i32.npy"], "`ids` is i32[1, 2], not i64[B, S]: its elements are not i64"),
        (["-i", "ids=text.npy"], "`text.npy` is no array in NumPy's format"),
        (["-i", "ids=pickle.npy"], "`pickle.npy` is no array in NumPy's format"),
        (["-i", "ids=[[1"], "`ids` is neither a .npy file nor JSON"),
        (["--inputs", "none.npz"], "cannot read `none.npz`: No such file or directory"),
        (["--inputs", "text.npz"], "`text.npz` is no .npz file"),
        (["--inputs", "list.json"], '`list.json` is no object of inputs by name, {"name": ...}'),
        (["--inputs", "text.json"], "`text.json` is not JSON"),
        (["--inputs", "x.txt"], "`x.txt`: inputs come from a .npz or a .json"),
        (["--inputs", "ids.json", "-i", "ids=[[1]]"], "the input `ids` is given twice"),
        (["-o", "x.csv"], "--output x.csv: outputs are written to a .npz file"),
        (["-o", "none/x.npz"], "--output none/x.npz: there is no folder `none`"),
        (["--seed", "-1"], "--seed: an integer that is not negative"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, list) else "",
)
def test_what_does_not_fit_is_told_before_anything_runs(
    tenuto: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.setattr(onnxruntime, "of_program", never)
    np.save(tenuto.folder / "i32.npy", np.zeros((1, 2), np.int32))
    np.save(tenuto.folder / "pickle.npy", np.array([{}], object))
    tenuto.write({"text.npy": "x", "text.npz": "x", "text.json": "x", "list.json": "[]", "ids.json": '{"ids": [[1]]}'})
    code, out, err = tenuto("run", MINILM, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"tenuto: {told}")
    assert err.count("\n") == 1


def never(*_: object) -> None:
    raise AssertionError("nothing may run")


def test_float_ranges_hold_nan_out_and_what_rounds_to_their_ends_in(tenuto: Command) -> None:
    model = "model M(x: f32[N] within 0.0 .. 0.1) -> f32[N] { return x }\n"
    tenuto.write({"a.ten": f"{model}deploy d = M {{ weights: init(seed = 0) }}\n"})
    assert tenuto("run", "a.ten", "-i", "x=[0, 0.1]").code == 0  # The nearest f32 is a little more than 0.1.
    for number in ("NaN", "0.11", "-1e-9", "Infinity"):
        code, _, err = tenuto("run", "a.ten", "-i", f"x=[0, {number}]")
        assert code == 2
        assert err.startswith("tenuto: `x` is f32[N] within 0.0 .. 0.1, but holds ")
        assert err.endswith(" at [1]\n")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("none.ten", "cannot read `none.ten`: No such file or directory"),
        ("none.onnx", "there is no file `none.onnx`"),
        ("a.ten", "`a.ten` has several deploys: choose `a.ten:one`, `a.ten:two`"),
        ("a.ten:tow", "`a.ten` has no deploy `tow`; did you mean `two`?"),
    ],
)
def test_what_cannot_be_run(tenuto: Command, target: str, told: str) -> None:
    deploys = "".join(f"deploy {name} = M {{ weights: init(seed = 0) }}\n" for name in ("one", "two"))
    tenuto.write({"a.ten": f"model M(x: f32[N]) -> f32[N] {{ return x }}\n{deploys}"})
    assert tenuto("run", target) == (2, "", f"tenuto: {told}\n")


def test_findings_are_shown_and_nothing_runs(tenuto: Command) -> None:
    tenuto.write({"a.ten": SMALL.replace("x * gain", "x * gian")})
    found = tenuto("run", "a.ten")
    assert (found.code, found.err) == (1, "not run: 1 error\n")
    assert "error[unknown-name]" in found.out
    tenuto.write({"b.ten": "model M(x: f32[B, 4]) -> f32[B, 4] = x * 2.0\n\ndeploy bare = M {}\n"})
    refused = tenuto("run", "b.ten")
    assert (refused.code, refused.err) == (1, "not run: 1 error\n")
    assert "error[cannot-build]" in refused.out


def test_a_missing_onnxruntime_is_told_with_what_installs_it(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    monkeypatch.delitem(__import__("sys").modules, "tenuto_backend.runtime.onnxruntime")
    told = "tenuto: this needs the package `onnxruntime`: run `pip install 'tenuto[run]'`\n"
    assert tenuto("run", MINILM) == (2, "", told)
    assert tenuto("run", MINILM, "--backend", "reference", "--quiet") == (0, "", "")


# ------------------------------------------------------------------------------------------------------ foreign models


def foreign(path: Path, axes: list[str | int | None], model_dims: int | None = None) -> None:
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 6])],
        [helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 6])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


@pytest.mark.parametrize(
    ("axes", "size", "shown"),
    [
        (["batch size", 3], "batch size", "f32[batch size, 3]"),
        (["unk__1", 3], "unk__1", "f32[unk__1, 3]"),
        (["for", 3], "for", "f32[for, 3]"),
        ([None, 3], "unnamed_1", "f32[unnamed_1, 3]"),
        (["N", "N", 3], "N", "f32[N, N, 3]"),
    ],
)
def test_models_of_others_run_whatever_they_call_their_sizes(
    tenuto: Command, axes: list[str | int | None], size: str, shown: str
) -> None:
    foreign(tenuto.folder / "m.onnx", axes)
    (port,) = open_artifact(tenuto.folder / "m.onnx").inputs
    assert str(port.type) == shown
    found = tenuto("run", "m.onnx", "--dim", f"{size}=4")
    assert found.code == 0, found.err
    assert f"f32[{'4, ' * (len(axes) - 1)}3]" in found.out


def test_a_run_that_fails_is_told(tenuto: Command) -> None:
    foreign(tenuto.folder / "m.onnx", ["N", 3])
    for backend in ("onnxruntime", "reference"):
        code, out, err = tenuto("run", "m.onnx", "--dim", "N=3", "--backend", backend)
        assert (code, out) == (1, "")
        assert "cannot run" in err


def test_an_index_beyond_a_size_is_told(tenuto: Command) -> None:
    model = "model M(x: f32[N], at: i64[K] within -N .. N - 1) -> f32[K] { return gather(x, at, axis = 0) }\n"
    tenuto.write({"a.ten": f"{model}deploy d = M {{ weights: init(seed = 0) }}\n"})
    assert tenuto("build", "a.ten", "--quiet").code == 0
    told = "tenuto: `at` is i64[K] within -N .. N - 1, but holds 2 at [1]\n"
    for target in ("a.ten", "d.onnx"):
        assert tenuto("run", target, "-i", "x=[1, 2]", "-i", "at=[1, -2]").code == 0
        assert tenuto("run", target, "-i", "x=[1, 2]", "-i", "at=[1, 2]") == (2, "", told)
        assert tenuto("run", target, "--dim", "K=500", "--dim", "N=3").code == 0


def test_what_does_not_fit_into_memory_is_told(tenuto: Command) -> None:
    model = "model M(x: f32[N]) -> f32[N] { return x }\n"
    tenuto.write({"a.ten": f"{model}deploy d = M {{ weights: init(seed = 0) }}\n"})
    told = "tenuto: `x` does not fit into memory as f32[1000000000000000]\n"
    assert tenuto("run", "a.ten", "--dim", f"N={10**15}") == (2, "", told)


@pytest.mark.parametrize("content", [b"", b"\x00garbage", b"{}", b"\x08\x0a"])
def test_a_file_that_is_no_model_is_told(tenuto: Command, content: bytes) -> None:
    tenuto.write({"m.onnx": content})
    code, out, err = tenuto("run", "m.onnx")
    assert (code, out) == (1, "")
    assert err.startswith("tenuto: `m.onnx` is no ONNX model")


def test_a_model_whose_weights_are_gone_is_told(tenuto: Command) -> None:
    assert tenuto("build", MINILM, "--quiet").code == 0
    (tenuto.folder / "small_encoder.safetensors").unlink()
    code, out, err = tenuto("run", "small_encoder.onnx")
    assert (code, out) == (1, "")
    assert err.startswith("tenuto: onnxruntime cannot load the model: ")


def test_a_declared_range_that_contradicts_the_structure_is_not_taken(tmp_path: Path) -> None:
    foreign(tmp_path / "m.onnx", ["N", 3])
    model = onnx.load(tmp_path / "m.onnx")
    for lie, within in {"f32[N, 3] within 0.0 .. 1.0": True, "f32[N, 4] within 0.0 .. 1.0": False}.items():
        del model.graph.input[0].metadata_props[:]
        note = model.graph.input[0].metadata_props.add()
        note.key, note.value = "tenuto.type", lie
        (port,) = interface_of(model).inputs
        assert (port.type.within is not None) == within
        assert port.shape == ("N", 3)


def test_nothing_runs_from_the_ledger(tenuto: Command) -> None:
    assert tenuto("build", MINILM, "--quiet").code == 0
    assert tenuto("run", "small_encoder.onnx", "--quiet", "-o", "told.npz").code == 0
    model = onnx.load(tenuto.folder / "small_encoder.onnx", load_external_data=False)
    interface = interface_of(model)
    (ledger,) = (note for note in model.metadata_props if note.key == "tenuto.ledger")
    ledger.value = ledger.value.replace("i64", "f32").replace("127", "1").replace("S", "T")
    assert interface_of(model) == interface
    del model.metadata_props[:]
    assert interface_of(model) == interface
    onnx.save(model, tenuto.folder / "small_encoder.onnx")
    assert tenuto("run", "small_encoder.onnx", "--quiet", "-o", "untold.npz").code == 0
    told, untold = (arrays(tenuto.folder / name)["result"] for name in ("told.npz", "untold.npz"))
    np.testing.assert_array_equal(told, untold)


# ------------------------------------------------------------------------------------------------------------- drawing

N, M = of(Symbol("N", "m", 0)), of(Symbol("M", "m", 0))


def drawn(type_: Tensor, seed: int = 0, **sizes: int) -> Array:
    return ready(Interface("m", (Port("x", type_),), ()), {}, sizes, seed).arrays[0]


@given(st.sampled_from(sorted(DTYPES)), st.integers(0, 50), st.data())
def test_what_is_drawn_is_what_would_be_accepted(name: str, seed: int, data: st.DataObject) -> None:
    numbers = st.integers(-3, 6) if DTYPES[name] not in FLOATING else st.floats(-4, 4, width=16)
    low, high = sorted((data.draw(numbers), data.draw(numbers)))
    ends: list[Any] = [low, high]
    if DTYPES[name] not in FLOATING:
        ends = [literal(int(low)), literal(int(high))]
    choice = data.draw(st.sampled_from(["", "lh", "l", "h"] if name != "f8e8m0" else [""]))
    within = Interval(ends[0] if "l" in choice else None, ends[1] if "h" in choice else None) if choice else None
    interface = Interface("m", (Port("x", Tensor(SCALARS[name], (N, literal(4)), within)),), ())
    try:
        (array,) = ready(interface, {}, {"N": 5}, seed).arrays
    except WrongInput as refused:
        assert "which no number is" in str(refused)
        return
    assert array.shape == (5, 4)
    assert array.dtype == DTYPES[name]
    assert ready(interface, {"x": array}).arrays[0] is array


def test_integers_without_a_range_are_small_and_take_all_of_a_range() -> None:
    free = drawn(Tensor(SCALARS["i64"], (N,)), N=2000)
    assert (free.min(), free.max()) == (0, UNTOLD)
    bounded = drawn(Tensor(SCALARS["u8"], (N,), Interval(literal(250), literal(255))), N=2000)
    assert set(bounded.tolist()) == set(range(250, 256))
    wide = drawn(Tensor(SCALARS["u64"], (N,), Interval(literal(2**63), literal(2**64 - 1))), N=100)
    assert wide.min() >= 2**63
    assert set(drawn(Tensor(SCALARS["bool"], (N,)), N=100).tolist()) == {False, True}


def test_a_range_may_speak_of_a_size() -> None:
    array = drawn(Tensor(SCALARS["i64"], (N,), Interval(literal(0), N - literal(1))), N=7)
    assert array.max() <= 6
    with pytest.raises(WrongInput, match=r"holds 7 at \[0\]"):
        port = Port("x", Tensor(SCALARS["i64"], (N,), Interval(literal(0), N - literal(1))))
        ready(Interface("m", (port,), ()), {"x": np.full(7, 7)})


def test_an_input_that_is_given_changes_no_other() -> None:
    type_ = Tensor(SCALARS["f32"], (N,))
    interface = Interface("m", (Port("x", type_), Port("y", type_)), ())
    both = ready(interface, {}, {"N": 3}, 4).arrays
    one = ready(interface, {"x": np.zeros(3, np.float32)}, {}, 4).arrays
    np.testing.assert_array_equal(both[1], one[1])
    assert not np.array_equal(both[0], both[1])


# --------------------------------------------------------------------------------------------------------------- sizes

FACTS: dict[str, tuple[list[Dim], list[Compare], dict[str, int]]] = {
    "different where possible": ([N, M], [], {"N": 2, "M": 3}),
    "a multiple": ([N], [Compare(Relation.EQ, modulo(N, literal(16)), literal(0))], {"N": 16}),
    "at least": ([N], [Compare(Relation.GE, N, literal(64))], {"N": 64}),
    "exactly": ([N], [Compare(Relation.EQ, N, literal(1500))], {"N": 1500}),
    "none at all": ([N], [Compare(Relation.LE, N, literal(0))], {"N": 0}),
    "tied": ([N, M], [Compare(Relation.EQ, N, M * literal(3) + literal(1))], {"N": 10, "M": 3}),
    "together": (
        [N, M],
        [Compare(Relation.LE, N + M, literal(64)), Compare(Relation.GE, N, literal(60))],
        {"N": 60, "M": 3},
    ),
    "not negative": ([N - literal(10)], [], {"N": 10}),
    "halves": ([floordiv(N, literal(2))], [Compare(Relation.GE, floordiv(N, literal(2)), literal(5))], {"N": 10}),
}


@pytest.mark.parametrize("case", FACTS)
def test_the_sizes_that_nobody_tells_are_small_and_satisfy_all_facts(case: str) -> None:
    dims, facts, expected = FACTS[case]
    ports = tuple(Port(f"x{i}", Tensor(SCALARS["f32"], (dim,))) for i, dim in enumerate(dims))
    interface = Interface("m", ports, (), tuple(facts))
    sizes = settled(interface, {}, {})
    assert all(holds(fact, sizes) for fact in facts)
    assert {str(leaf): size for leaf, size in sizes.items()} == expected


def test_sizes_that_no_fact_allows_are_told() -> None:
    facts = (Compare(Relation.EQ, N * N, literal(50)),)
    interface = Interface("m", (Port("x", Tensor(SCALARS["f32"], (N,))),), (), facts)
    with pytest.raises(WrongInput, match="no sizes were found that fit `m`: choose some of N"):
        settled(interface, {}, {})


def test_a_size_that_stands_in_no_shape_alone_is_found_from_one_that_is_given() -> None:
    interface = Interface("m", (Port("x", Tensor(SCALARS["f32"], (N * literal(2),))),), ())
    assert settled(interface, {"x": np.zeros(8, np.float32)}, {}) == {Symbol("N", "m", 0): 4}
    with pytest.raises(WrongInput):
        settled(interface, {"x": np.zeros(7, np.float32)}, {})


def test_a_size_that_is_an_input_is_the_size() -> None:
    leaf = Symbol("N", "m", 0)
    ports = (Port("x", Tensor(SCALARS["f32"], (N * literal(2),))), Port("N", Tensor(SCALARS["i64"], ())))
    interface = Interface("m", ports, (), (), (("N", leaf),))
    arrays_ = ready(interface, {}, {"N": 3}, 0).arrays
    assert (arrays_[0].shape, int(arrays_[1])) == ((6,), 3)
    assert ready(interface, {"N": np.asarray(2)}, {}, 0).arrays[0].shape == (4,)
    with pytest.raises(WrongInput, match=r"`x` is f32\[6\], not f32\[2\*N\]: 2\*N is 4"):
        ready(interface, {"N": np.asarray(2), "x": np.zeros(6, np.float32)})


def test_a_size_that_the_deploy_fixes_is_a_number_in_what_it_asks_for(tenuto: Command) -> None:
    model = "model M(x: f32[P, S], at: i64[] within 0 .. P) -> f32[P, S] { return x * (at as f32) }\n"
    dims = "dims: { P: 3, S: 1 .. 9 }"
    tenuto.write({"a.ten": f"{model}deploy d = M where P + S <= 8 {{ weights: init(seed = 0), {dims} }}\n"})
    assert tenuto("run", "a.ten").code == 0
    assert tenuto("run", "a.ten", "--dim", "S=6") == (2, "", "tenuto: S is 6, but `d` asks for S + 3 <= 8\n")
    told = "tenuto: `at` is i64[] within 0 .. 3, but holds 4\n"
    assert tenuto("run", "a.ten", "-i", "at=4") == (2, "", told)
    assert tenuto("run", "a.ten", "--dim", "P=3") == (2, "", "tenuto: `d` has no size `P`; it has S\n")


@pytest.mark.parametrize("target", small_deploys(), ids=lambda target: Path(target).stem + target[target.index(":") :])
def test_the_sizes_of_the_examples_are_small(target: str) -> None:
    opened = open_target(target)
    graph = program(opened.workspace.database, opened.source.file, opened.deploys[0], opened.root).graph
    interface = of_graph(graph)
    sizes = settled(interface, {}, {})
    assert all(holds(bound, sizes) for bound in interface.bounds)
    assert all(
        evaluate(dim, sizes) is not None for port in interface.inputs for dim in port.type.shape if isinstance(dim, Dim)
    )
