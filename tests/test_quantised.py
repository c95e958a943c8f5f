"""Weights in small numbers: which ones, what they become, and what a model that has them computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from msgspec import Struct
from safetensors import safe_open

import tenuto
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dtypes import SCALARS, Quantised
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.elaborate.deploys import elaborated
from tenuto_analysis.graph import Graph
from tenuto_analysis.verify import verify
from tenuto_backend.build import Program, program
from tenuto_backend.mlir.emit import emit as mlir
from tenuto_backend.mlir.printing import text
from tenuto_backend.passes.scales import Stored
from tenuto_backend.reference.values import Array
from tenuto_backend.weights.beside import ArtifactError
from tenuto_backend.weights.quantised import QuantisedWeights, quantise
from tests.command import Command
from tests.demo import KNOWN, embeddings
from tests.in_iree import compiled, loaded
from tests.models import FOLDER, fetched
from tests.one_node import accept, agree
from tests.test_models import EXAMPLES

FILE = "/models/model.ten"
SOURCE = """
import std.nn { Conv2d, Embedding, LayerNorm, Linear }

model Part(x: float[B, 64]) -> float[B, 64] {
  param plain: float[64, 64] = normal(std = 1.0)
  sub inner = Linear[64, 64]
  sub norm = LayerNorm[64]
  return norm(inner(x) @ plain)
}

model Whole(ids: i64[B, S] within 0 .. 31, image: float[B, 4, 8, 8]) -> (float[B, 32], float[B, 6, 6, 6])
  where S >= 1
{
  param added: float[64, 64] = normal(std = 1.0)
  sub embedding = Embedding[32, 64]
  sub part = Part
  sub other = Part
  sub conv = Conv2d[4, 6, 3]
  let x = mean(embedding(ids), axis = 1)
  let y = other(part(x)) @ (added + 1.0)
  return (y @ transpose(embedding.weight), conv(image))
}

deploy whole = Whole { weights: init(seed = 0), precision: POLICY, dims: { B: 1 .. 4, S: 1 .. 9 } }
"""


def graph_of(source: str, deploy: str = "whole") -> Graph:
    db = Database()
    db.set(modules.file_text, FILE, source)
    found = elaborated(db, FILE, deploy)
    if isinstance(found, Refusal):
        raise found
    return verify(found)


def types_of(graph: Graph) -> dict[str, str]:
    """Those of the quantised weights."""
    return {
        weight.path: str(weight.value.type)
        for weight in graph.entry.weights
        if isinstance(weight.value.type.dtype, Quantised)
    }


def made(source: str, policy: str) -> tuple[Database, Program]:
    db = Database()
    db.set(modules.file_text, FILE, source.replace("POLICY", policy))
    return db, program(db, FILE, "whole", "/models")


# ----------------------------------------------------------------------------------------------------------- which ones


def test_weights_of_products_and_lookups_are_quantised_and_no_others() -> None:
    """Outputs differ along axis 0 of PyTorch's layout, along axis 1 of a weight that is multiplied as it is."""
    assert types_of(graph_of(SOURCE.replace("POLICY", "int8(weights = per_channel)"))) == {
        "embedding.weight": "quant(i8, axis = 0)[32, 64]",
        **{f"{part}.inner.weight": "quant(i8, axis = 0)[64, 64]" for part in ("part", "other")},
        **{f"{part}.plain": "quant(i8, axis = 1)[64, 64]" for part in ("part", "other")},
        "conv.weight": "quant(i8, axis = 0)[6, 4, 3, 3]",
    }


def test_groups_run_along_the_axis_that_is_summed() -> None:
    """A convolution sums over several: its weight stays as it is."""
    assert types_of(graph_of(SOURCE.replace("POLICY", "int4(group = 16)"))) == {
        "embedding.weight": "quant(i4, group = 16)[32, 64]",
        **{f"{part}.inner.weight": "quant(i4, group = 16)[64, 64]" for part in ("part", "other")},
        **{f"{part}.plain": "quant(i4, axis = 0, group = 16)[64, 64]" for part in ("part", "other")},
    }


@pytest.mark.parametrize(
    ("policy", "dtype"),
    [
        ("int8(weights = per_tensor)", "quant(i8)"),
        ("fp8", "quant(f8e4m3, axis = 0)"),
        ("fp8(format = f8e5m2, weights = per_tensor)", "quant(f8e5m2)"),
        ("int4(group = 32, scale = f16)", "quant(i4, group = 32, scale = f16)"),
    ],
)
def test_the_policy_says_the_type(policy: str, dtype: str) -> None:
    assert types_of(graph_of(SOURCE.replace("POLICY", policy)))["part.inner.weight"] == f"{dtype}[64, 64]"


def test_a_clause_on_a_parameter_or_a_part_says_it_for_these_alone() -> None:
    source = SOURCE.replace("POLICY", "f32")
    assert types_of(graph_of(source)) == {}
    one = source.replace(
        "= normal(std = 1.0)\n  sub inner", "= normal(std = 1.0) precision int4(group = 8)\n  sub inner"
    )
    assert types_of(graph_of(one)) == {
        f"{part}.plain": "quant(i4, axis = 0, group = 8)[64, 64]" for part in ("part", "other")
    }
    part = source.replace("sub other = Part", "sub other = Part precision int8")
    assert set(types_of(graph_of(part))) == {"other.inner.weight", "other.plain"}


def test_functions_take_the_weights_that_they_take_without_a_policy() -> None:
    plain, quantised = (graph_of(SOURCE.replace("POLICY", policy)) for policy in ("f32", "int8"))
    assert [function.name for function in plain.functions] == [function.name for function in quantised.functions]
    for one, other in zip(plain.functions[:-1], quantised.functions[:-1], strict=True):
        assert [str(w.value.type) for w in one.weights] == [str(w.value.type) for w in other.weights]


def test_dynamic_activations_are_refused_by_name() -> None:
    with pytest.raises(Refusal, match="`activations = dynamic` is not built yet"):
        graph_of(SOURCE.replace("POLICY", "int8(activations = dynamic)"))


# ------------------------------------------------------------------------------------------------------------- numbers

RANDOM = np.random.default_rng(0)


def back(array: Array, dtype: Quantised) -> Array:
    """What is left of an array."""
    found = quantise(array, dtype)
    numbers, scale = found.numbers.astype(np.float64), found.scale.astype(np.float64)
    if found.factor is not None:
        scale = scale * float(found.factor)
    if dtype.group is not None:
        scale = np.repeat(scale, dtype.group, array.ndim - 1 if dtype.axis is None else dtype.axis)
    elif dtype.axis is not None:
        scale = scale.reshape([-1 if at == dtype.axis else 1 for at in range(array.ndim)])
    return np.asarray(numbers * scale)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_eight_bits_are_at_most_half_a_step_away(axis: int | None) -> None:
    array = RANDOM.normal(size=(6, 10)).astype(np.float32) * np.float32(10.0) ** np.arange(-5, 5)
    largest = np.abs(array).max() if axis is None else np.abs(array).max(axis=1 - axis, keepdims=True)
    assert np.all(np.abs(back(array, Quantised(SCALARS["i8"], axis, None, None)) - array) <= largest / 127 / 2 * 1.0001)


def test_ties_are_rounded_to_even_and_the_lowest_number_is_not_used() -> None:
    found = quantise(np.array([[127.0, 0.5, 1.5, -2.5, -127.0]], np.float32), Quantised(SCALARS["i8"], 0, None, None))
    assert found.numbers.tolist() == [[127, 0, 2, -2, -127]]
    assert found.scale.tolist() == [1.0]


@pytest.mark.parametrize(("axis", "shape"), [(None, (4, 3)), (0, (1, 24))])
def test_a_group_has_a_scale_of_its_own(axis: int | None, shape: tuple[int, ...]) -> None:
    array = np.ones((4, 24), np.float32)
    array[2:] *= 1000.0
    array[:, 16:] *= 0.001
    dtype = Quantised(SCALARS["i4"], axis, 8 if axis is None else 4, None)
    assert quantise(array, dtype).scale.shape == shape
    tolerance = 0.1 if axis is None else 1.0  # Along axis 0 rows of both kinds share one.
    assert np.all(np.abs(back(array, dtype) - array) <= tolerance * np.abs(array))


def test_four_bits_choose_the_scale_with_the_least_error() -> None:
    array = RANDOM.normal(size=(64, 32)).astype(np.float32)
    plain = np.abs(array).max(axis=1, keepdims=True) / 7
    rounded = np.clip(np.rint(array / plain), -7, 7) * plain
    error = np.square(back(array, Quantised(SCALARS["i4"], None, 32, None)) - array).sum(axis=1)
    assert np.all(error <= np.square(rounded - array).sum(axis=1) * 1.0001)
    assert error.sum() < 0.95 * np.square(rounded - array).sum()


def test_nought_stays_nought_and_no_number_is_lost_where_a_scale_is_tiny() -> None:
    for dtype in (Quantised(SCALARS["i8"], 0, None, SCALARS["f16"]), Quantised(SCALARS["f8e4m3"], 0, None, None)):
        array = np.zeros((2, 8), np.float32)
        array[1] = 1e-12
        assert np.all(np.isfinite(back(array, dtype)))
        assert not np.any(back(array, dtype)[0])


def test_scales_of_eight_bits_are_relative_to_one_number() -> None:
    """NVFP4: f4e2m1 in groups of 16, with scales of f8e4m3."""
    dtype = Quantised(SCALARS["f4e2m1"], None, 16, SCALARS["f8e4m3"])
    array = RANDOM.normal(size=(8, 64)).astype(np.float32) * np.float32(1e-4)
    found = quantise(array, dtype)
    assert found.factor is not None
    assert found.scale.dtype == ml_dtypes.float8_e4m3fn
    assert found.scale.astype(np.float32).max() == 448.0
    assert np.linalg.norm(back(array, dtype) - array) < 0.12 * np.linalg.norm(array)


def test_microscaling_has_powers_of_two() -> None:
    """The example of OCP's specification: the exponent of the largest magnitude less that of the largest number."""
    dtype = Quantised(SCALARS["f8e4m3"], None, 32, SCALARS["f8e8m0"])
    array = np.zeros((1, 32), np.float32)
    array[0, :2] = 5.0, -0.3
    found = quantise(array, dtype)
    assert found.factor is None
    assert found.scale.astype(np.float32).tolist() == [[2.0 ** (2 - 8)]]
    np.testing.assert_allclose(back(array, dtype)[0, :2], [5.0, -0.3], rtol=0.07)


def test_a_weight_with_nan_is_no_weight() -> None:
    type_ = next(
        weight.value.type
        for weight in graph_of(SOURCE.replace("POLICY", "int8")).entry.weights
        if weight.path == "embedding.weight"
    )
    arrays = {"embedding.weight": np.full((32, 64), np.nan, np.float32)}
    weights = QuantisedWeights(arrays, list(arrays), [Stored("embedding.weight", type_)])
    with pytest.raises(ArtifactError, match=r"the weight embedding\.weight has infinities or NaN"):
        weights["embedding.weight"]


# ------------------------------------------------------------------------------------------------------------ artifacts

POLICIES = ("int8(weights = per_channel)", "int8(weights = per_tensor)", "int4(group = 16)", "fp8", "int8(scale = f16)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tenuto.toml").touch()
    return tmp_path


def deploy_of(folder: Path, policy: str) -> tenuto.api.Deploy:
    path = folder / "model.ten"
    path.write_text(SOURCE.replace("POLICY", policy), encoding="utf-8")
    return tenuto.load(path).deploy("whole")


@pytest.mark.parametrize("policy", POLICIES)
def test_onnxruntime_computes_what_our_evaluator_does_and_nearly_what_f32_does(policy: str, folder: Path) -> None:
    plain, deploy = deploy_of(folder, "f32"), deploy_of(folder, policy)
    for sizes in ({"B": 1, "S": 1}, {"B": 3, "S": 7}):
        inputs = deploy.draw(1, **sizes)
        wanted = list(deploy.evaluate(**inputs).values())
        agree(wanted, list(deploy.run(**inputs).values()), 30.0)
        for near, exact in zip(wanted, plain.evaluate(**inputs).values(), strict=True):
            distance = np.linalg.norm(near - exact) / np.linalg.norm(exact)
            assert distance < (0.25 if "int4" in policy else 0.1)


@pytest.mark.parametrize(
    ("policy", "element"), [("int8", "INT8"), ("int4(group = 16)", "INT4"), ("fp8", "FLOAT8E4M3FN")]
)
def test_the_model_says_the_type_and_the_file_has_numbers_and_scales(policy: str, element: str, folder: Path) -> None:
    deploy = deploy_of(folder, policy)
    artifact = deploy.to_onnx(folder / "a.onnx")
    accept(onnx.load(folder / "a.onnx"))
    found = {tensor.name: tensor for tensor in artifact.model.graph.initializer}
    numbers, scale = found["part.inner.weight"], found["part.inner.weight.scale"]
    assert onnx.TensorProto.DataType.Name(numbers.data_type) == element
    said: Mapping[str, str] = {item.key: item.value for item in numbers.metadata_props}
    assert said["tenuto.type"] == types_of(graph_of(SOURCE.replace("POLICY", policy)))["part.inner.weight"]
    assert list(numbers.dims) == [64, 64]
    assert list(scale.dims) == ([64, 4] if "int4" in policy else [64])
    dequantised = [node for node in artifact.model.graph.node if node.op_type == "DequantizeLinear"]
    assert len(dequantised) == len(types_of(graph_of(SOURCE.replace("POLICY", policy))))
    with safe_open(folder / "a.safetensors", "numpy") as file:
        size = file.get_slice("part.inner.weight").get_shape()
        assert size == ([64 * 64 // 2] if "int4" in policy else [64, 64])
        assert file.get_tensor("part.inner.weight.scale").shape == tuple(scale.dims)


def test_four_bits_lie_two_in_a_byte_the_first_in_the_low_ones(folder: Path) -> None:
    deploy = deploy_of(folder, "int4(group = 16)")
    deploy.to_onnx(folder / "a.onnx")
    _, of_program = made(SOURCE, "int4(group = 16)")
    numbers = of_program.weights["part.inner.weight"].astype(np.int8).reshape(-1)
    with safe_open(folder / "a.safetensors", "numpy") as file:
        packed = file.get_tensor("part.inner.weight")
    assert np.array_equal(packed & 15, numbers[::2].view(np.uint8) & 15)
    assert np.array_equal(packed >> 4, numbers[1::2].view(np.uint8) & 15)


@pytest.mark.parametrize("policy", ["int8", "int4(group = 16)"])
def test_one_file_of_small_numbers_serves_onnx_and_mlir(policy: str, folder: Path) -> None:
    deploy = deploy_of(folder, policy)
    deploy.to_onnx(folder / "a.onnx")
    deploy.to_mlir(folder / "b.mlir")
    assert (folder / "a.safetensors").read_bytes() == (folder / "b.safetensors").read_bytes()


@pytest.mark.parametrize(("policy", "element"), [("int8", "i8"), ("int4(group = 16)", "i4"), ("fp8", "f8E4M3FN")])
def test_mlir_has_small_numbers_and_converts_them_by_type(policy: str, element: str) -> None:
    db, found = made(SOURCE, policy)
    written = text(mlir(db, found.graph))
    assert f'"model"::"part.inner.weight"> : tensor<64x64x{element}>' in written
    assert '"model"::"part.inner.weight.scale"' in written
    converted = "arith.extf" if policy == "fp8" else "arith.sitofp"
    assert f'"{converted}"' in written


@pytest.mark.heavy
@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "int8(weights = per_tensor)"])
def test_iree_computes_what_our_evaluator_does(policy: str, folder: Path) -> None:
    deploy = deploy_of(folder, policy)
    artifact = deploy.to_mlir(folder / "b.mlir")
    run = loaded(compiled(artifact.text), folder / "b.safetensors")
    for sizes in ({"B": 1, "S": 1}, {"B": 3, "S": 7}):
        inputs = deploy.draw(1, **sizes)
        agree(list(deploy.evaluate(**inputs).values()), run(artifact.functions[-1], list(inputs.values())), 30.0)


TYPED = """
fn turned(w: quant(i4, group = 32)[N, K]) -> quant(i4, axis = 0, group = 32)[K, N] = transpose(w)

model Layer[N](x: f32[B, 64]) -> f32[B, N] {
  param weight: quant(i4, group = 32)[N, 64] = normal(std = 0.5)
  return x @ transpose(weight)
}

model Whole(x: f32[B, 64], w: quant(i8, axis = 0)[16, 32]) -> f32[B, 24] {
  param mx: quant(f8e4m3, group = 32, scale = f16)[16, 64] = normal(std = 0.5)
  param last: quant(i4, group = 32)[24, 32] = normal(std = 0.5)
  sub one = Layer[32]
  let y = one(x) @ transpose(w) + x @ transpose(mx)
  let z = y @ w
  return z @ turned(last)
}

deploy whole = Whole { weights: init(seed = 0), dims: { B: 1 .. 4 } }
"""


def test_a_program_may_say_the_types_itself(folder: Path) -> None:
    """The weights are drawn or read as floats; an input is passed as its numbers and its scales."""
    (folder / "model.ten").write_text(TYPED, encoding="utf-8")
    deploy = tenuto.load(folder / "model.ten").deploy("whole")
    assert [str(port) for port in deploy.inputs] == ["x: f32[B, 64]", "w: i8[16, 32]", "w.scale: f32[16]"]
    drawn = deploy.draw(1, B=3)
    wanted = list(deploy.evaluate(**drawn).values())
    agree(wanted, list(deploy.run(**drawn).values()), 30.0)
    w = drawn["w"].astype(np.float64) * drawn["w.scale"][:, None]
    _, found = made(TYPED, "")
    values = {path: found.weights[path].astype(np.float64) for path in found.weights}
    one, mx, last = (values[path] * np.repeat(values[f"{path}.scale"], 32, 1) for path in ("one.weight", "mx", "last"))
    x = drawn["x"].astype(np.float64)
    y = x @ one.T @ w.T + x @ mx.T
    expected = y @ w @ last.T
    assert np.linalg.norm(wanted[0] - expected) < 1e-6 * np.linalg.norm(expected)


def test_a_report_says_what_is_lost(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("POLICY", "int8(weights = per_tensor)")})
    image, ids = RANDOM.normal(size=(1, 4, 8, 8)).astype(np.float32), np.array([[1, 2, 3]])
    np.savez(tenuto.folder / "samples.npz", ids=ids, image=image)
    built = tenuto("build", "model.ten:whole", "--samples", "samples.npz")
    assert built.code == 0
    lines = [line.split() for line in built.out.splitlines() if line]
    rows = {line[0]: line[-3:] for line in lines if "quant(i8)" in " ".join(line)}
    assert set(rows) == set(types_of(graph_of(SOURCE.replace("POLICY", "int8"))))
    _, found = made(SOURCE, "int8(weights = per_tensor)")
    exact = found.floats["part.plain"]
    distance = np.abs(found.weights["part.plain"] * found.weights["part.plain.scale"] - exact)
    largest, rms, relative = rows["part.plain"]
    assert float(largest) == pytest.approx(distance.max(), rel=0.05)
    assert float(rms) == pytest.approx(np.sqrt(np.mean(distance**2)), rel=0.05)
    assert float(relative[:-1]) / 100 == pytest.approx(np.linalg.norm(distance) / np.linalg.norm(exact), rel=0.05)
    cosines = [float(line[-2]) for line in lines[-2:]]
    assert all(0.99 < cosine < 1.0 for cosine in cosines)


def test_a_model_in_small_numbers_says_all_that_its_source_says(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("POLICY", "int4(group = 16)")})
    assert tenuto("build", "model.ten:whole", "--quiet").code == 0
    assert "all intact" in tenuto("diff", "model.ten:whole", "whole.onnx").out


def test_samples_that_do_not_fit_are_told(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("POLICY", "int8")})
    np.savez(tenuto.folder / "samples.npz", other=np.zeros(3))
    built = tenuto("build", "model.ten:whole", "--samples", "samples.npz", "--quiet")
    assert built.code == 1
    assert "`whole` is built, but nothing is reported" in built.err
    assert (tenuto.folder / "whole.onnx").exists()


def test_without_small_numbers_there_is_nothing_to_report(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("POLICY", "f32")})
    built = tenuto("build", "model.ten:whole", "--report", "--quiet")
    assert built.out == "whole: no weight is stored in small numbers\n"


# -------------------------------------------------------------------------------------------------------------- MiniLM


def minilm(folder: Path, policy: str) -> tenuto.api.Deploy:
    fetched("all-MiniLM-L6-v2.safetensors")
    source = (EXAMPLES / "minilm.ten").read_text(encoding="utf-8")
    path = folder / "minilm.ten"
    path.write_text(
        source.replace(
            "deploy embed = Encoder[minilm] {", f"deploy embed = Encoder[minilm] {{\n  precision: {policy},"
        ),
        encoding="utf-8",
    )
    if not (folder / "models").exists():
        (folder / "models").symlink_to(FOLDER)
    return tenuto.load(path, allow_outside=True).deploy("embed")


class Runs(Struct, frozen=True):
    """A deploy, as a session of onnxruntime is asked: with `accuracy_level` 1, as `tenuto run` has it."""

    deploy: tenuto.api.Deploy

    def run(self, names: None, feeds: Mapping[str, Array]) -> Sequence[Array]:
        return list(self.deploy.run(**feeds).values())


@pytest.mark.parametrize(
    ("policy", "cosine", "megabytes"),
    [("int8(weights = per_channel)", 0.999, 24), ("int4(group = 8, scale = f16)", 0.98, 18), ("fp8", 0.997, 24)],
)
def test_minilm_in_small_numbers_gives_nearly_the_same_embeddings(
    policy: str, cosine: float, megabytes: int, folder: Path
) -> None:
    plain = embeddings(Runs(minilm(folder, "f32")), list(KNOWN))
    deploy = minilm(folder, policy)
    deploy.to_onnx(folder / "small.onnx")
    found = embeddings(Runs(deploy), list(KNOWN))
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(plain, axis=1)
    assert np.all(np.sum(found * plain, axis=1) / lengths >= cosine)
    assert (folder / "small.safetensors").stat().st_size < megabytes * 10**6
