"""Real models, from the source to numbers: built by `tenuto build`, run in onnxruntime, held against public ones.

`data/models.npz` holds the results of transformers and PyTorch (see `record_models.py`); the weights are those of real
checkpoints (`models.py`), or drawn from their names, here and there. Every deploy is in `examples/`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors import safe_open

from tenuto.cli.main import run
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Leaf, holds
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_analysis.graph import Graph
from tenuto_backend.build import parameters, program
from tenuto_backend.evaluate import run as evaluated
from tenuto_backend.onnx.emit import emit
from tenuto_backend.onnx.ledger import KEY
from tenuto_backend.onnx.options import Options
from tenuto_backend.onnx.save import save
from tenuto_backend.reference.values import Array
from tests.demo import COSINES, KNOWN, embeddings
from tests.models import CHECKPOINTS, fetched
from tests.one_node import Session, agree, feeds_of, in_onnxruntime, in_reference
from tests.record_examples import below, normal, weight
from tests.record_models import GPT2_SEED, GPT2_STEPS, LITE_SEED, PROMPTS, RECORD, SENTENCES
from tests.test_elaborate import shape_of
from tests.test_onnx_emit import leaves_of, random_of

EXAMPLES = Path(__file__).parent.parent / "examples"
with np.load(RECORD) as _record:
    RECORDED: dict[str, Array] = dict(_record)

PUBLISHED = {
    "mlp": "digits",
    "lenet": "digits",
    "resnet50": "classify",
    "mobilenet_v3": "classify",
    "efficientnet_lite0": "classify",
    "unet": "segment",
    "vit": "classify",
    "bert": "encode",
    "minilm": "embed",
    "gpt2": "generate",
    "llama": "prefill",
    "moe": "mixtral",
    "whisper": "listen",
    "lstm_tagger": "tagger",
}
"""The deploy of each example at the configuration whose parameters `examples/README.md` counts."""

BEYOND_2_GB = {"llama", "moe"}


def built(example: str, deploy: str, folder: Path, *options: str) -> Path:
    """The artifact that the command makes."""
    assert run(["build", f"{EXAMPLES / example}.ten:{deploy}", "-o", str(folder), "--quiet", *options]) == 0
    return folder / f"{deploy}.onnx"


def graph_of(example: str, deploy: str) -> tuple[Database, Graph]:
    file = str(EXAMPLES / f"{example}.ten")
    db = Database()
    db.set(modules.file_text, file, Path(file).read_text(encoding="utf-8"))
    return db, elaborate(db, file, deploy)


def with_drawn_weights(example: str, deploy: str, folder: Path) -> Session:
    """The deploy with each weight drawn from its name, as the recorded results have them."""
    db, graph = graph_of(example, deploy)
    drawn = {w.path: weight(w.path, shape_of(w.value.type.shape)) for w in graph.entry.weights}
    return in_onnxruntime(save(emit(db, graph, Options()), drawn, folder / f"{deploy}.onnx").model)


def without_data(path: Path) -> onnx.ModelProto:
    return onnx.load(path, load_external_data=False)


# --------------------------------------------------------------------------------------------------------------- MiniLM


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fetched("all-MiniLM-L6-v2.safetensors")
    return built("minilm", "embed", tmp_path_factory.mktemp("minilm"))


def test_minilm_gives_the_published_embeddings(minilm: Path) -> None:
    found = embeddings(in_onnxruntime(minilm), list(KNOWN))
    np.testing.assert_allclose(found[:, :5], list(KNOWN.values()), rtol=0, atol=1e-6)
    for (first, second), cosine in COSINES.items():
        assert float(found[first] @ found[second]) == pytest.approx(cosine, abs=1e-6)


def test_one_artifact_of_minilm_takes_sentences_of_all_lengths(minilm: Path) -> None:
    """Alone, and in one batch with padding: what transformers gives for each alone."""
    session = in_onnxruntime(minilm)
    assert len(SENTENCES) == 20
    for sentence, expected in zip(SENTENCES, RECORDED["minilm"], strict=True):
        np.testing.assert_allclose(embeddings(session, [sentence])[0], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(embeddings(session, SENTENCES), RECORDED["minilm"], rtol=0, atol=1e-6)


def test_each_weight_of_minilm_keeps_its_path_its_name_and_its_numbers(minilm: Path) -> None:
    model = without_data(minilm)
    (ledger,) = (json.loads(entry.value) for entry in model.metadata_props if entry.key == KEY)
    names = {path: name for path, _, name in ledger["weights"]}
    assert [tensor.name for tensor in model.graph.initializer] == list(names)
    with (
        safe_open(fetched("all-MiniLM-L6-v2.safetensors"), "numpy") as theirs,
        safe_open(minilm.with_suffix(".safetensors"), "numpy") as ours,
    ):
        unused = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}
        assert (len(theirs.keys()), len(names)) == (104, 101)
        assert set(names.values()) == set(theirs.keys()) - unused
        for path, name in names.items():
            assert path == path_of(name)
            np.testing.assert_array_equal(ours.get_tensor(path), theirs.get_tensor(name))


def path_of(name: str) -> str:
    """The path of a weight of the checkpoint."""
    name = name.replace("embeddings.LayerNorm", "embeddings.norm").removeprefix("encoder.")
    name = name.replace("attention.self.", "attention.").replace("attention.output.LayerNorm", "attention_norm")
    name = name.replace("attention.output.dense", "attention_output").replace("output.LayerNorm", "output_norm")
    return name.replace("intermediate.dense", "intermediate").replace(".output.dense", ".output")


def test_the_six_layers_of_minilm_are_one_function(minilm: Path) -> None:
    model = without_data(minilm)
    assert [node.name for node in model.graph.node if node.op_type == "Layer"] == [f"layer.{i}" for i in range(6)]
    assert [function.name for function in model.functions].count("Layer") == 1
    for tensor in model.graph.input:
        assert [dim.dim_param for dim in tensor.type.tensor_type.shape.dim] == ["B", "S"]


def test_the_artifact_of_minilm_says_all_that_its_source_says(minilm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", f"{EXAMPLES / 'minilm'}.ten:embed", str(minilm)]) == 0
    assert "all intact" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------- EfficientNet-Lite0

# Classes and probabilities of scikit-learn's two photographs: china.jpg, flower.jpg.
CHINA = {442: 0.232, 449: 0.115, 663: 0.082, 698: 0.081}
FLOWER = {985: 0.152}


def test_efficientnet_lite0_computes_what_its_reference_does(tmp_path: Path) -> None:
    session = with_drawn_weights("efficientnet_lite0", "classify", tmp_path)
    (found,) = session.run(None, {"image": normal(LITE_SEED, 1, 3, 224, 224)})
    expected = RECORDED["lite0.drawn"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5 * float(np.abs(expected).max()))


@pytest.mark.heavy
@pytest.mark.parametrize("options", [(), ("--fold-batch-norm",)], ids=["plain", "folded"])
def test_efficientnet_lite0_gives_the_published_classes(tmp_path: Path, options: tuple[str, ...]) -> None:
    fetched("efficientnet-lite0.pth")
    session = in_onnxruntime(built("efficientnet_lite0", "classify", tmp_path, *options))
    pixels = (RECORDED["lite0.pixels"].astype(np.float32) - 127) / 128
    (logits,) = session.run(None, {"image": np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})
    np.testing.assert_allclose(logits, RECORDED["lite0"], rtol=1e-4, atol=1e-4)
    assert_classes(logits)


def test_the_recorded_logits_of_efficientnet_lite0_are_the_published_classes() -> None:
    assert_classes(RECORDED["lite0"])


def assert_classes(logits: Array) -> None:
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    odds /= odds.sum(-1, keepdims=True)
    for found, known in zip(odds, (CHINA, FLOWER), strict=True):
        assert np.argsort(-found)[: len(known)].tolist() == list(known)
        assert [float(found[label]) for label in known] == pytest.approx(list(known.values()), abs=5e-4)


# ------------------------------------------------------------------------------------------------------------- decoders


class Decoder:
    """A language model with its cache, which it keeps between calls."""

    def __init__(self, session: Session, names: Sequence[str], nothing: Array) -> None:
        self._session = session
        self._names = names
        self._nothing = nothing
        self._past: Sequence[Array] = ()
        self.forget()

    def forget(self) -> None:
        self._past = [self._nothing] * len(self._names)

    def read(self, ids: Array) -> Array:
        """The logits after each of these tokens, which follow those that were read before."""
        logits, *self._past = self._session.run(None, {"ids": ids, **dict(zip(self._names, self._past, strict=True))})
        return logits


def decoder(session: Session, path: Path, heads: int, head: int) -> Decoder:
    names = [tensor.name for tensor in without_data(path).graph.input if tensor.name != "ids"]
    return Decoder(session, names, np.zeros((1, heads, 0, head), np.float32))


@pytest.mark.heavy
def test_gpt2_computes_what_transformers_does_at_once_and_step_by_step(tmp_path: Path) -> None:
    """12 layers, drawn weights: the whole text; a prefix, then 20 single tokens with the cache."""
    model = decoder(with_drawn_weights("gpt2", "generate", tmp_path), tmp_path / "generate.onnx", 12, 64)
    ids = below(50257, GPT2_SEED, 1, 8 + GPT2_STEPS)
    whole = model.read(ids)
    np.testing.assert_allclose(whole[0, :, ::97], RECORDED["gpt2"], rtol=0, atol=1e-4)
    model.forget()
    parts = [model.read(ids[:, :8]), *(model.read(ids[:, at : at + 1]) for at in range(8, 8 + GPT2_STEPS))]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    fetched("SmolLM2-135M-Instruct.Q4_1.gguf")
    path = built("llama", "chat", tmp_path_factory.mktemp("smollm2"))
    return decoder(in_onnxruntime(path), path, 3, 64)


@pytest.mark.heavy
@pytest.mark.parametrize("number", range(len(PROMPTS)))
def test_smollm2_writes_what_it_writes_in_transformers(smollm2: Decoder, number: int) -> None:
    prompt, expected = RECORDED[f"smollm2.{number}.prompt"], RECORDED[f"smollm2.{number}.written"]
    assert len(expected) == 20
    smollm2.forget()
    given, written = prompt[None], []
    for _ in expected:
        given = smollm2.read(given)[:, -1:].argmax(-1)
        written.append(int(given[0, 0]))
    assert written == expected.tolist()


# --------------------------------------------------------------------------------------------------------- all examples

SMALL = {
    "mlp": ({"B": 1}, {"B": 8}),
    "lenet": ({"B": 1}, {"B": 3}),
    "resnet50": ({"B": 1, "H": 32, "W": 47}, {"B": 2, "H": 64, "W": 33}),
    "mobilenet_v3": ({"B": 1, "H": 32, "W": 47}, {"B": 2, "H": 64, "W": 33}),
    "efficientnet_lite0": ({"B": 1}, {"B": 2}),
    "unet": ({"B": 1}, {"B": 2}),
    "vit": ({"B": 1}, {"B": 3}),
    "bert": ({"B": 1, "S": 1}, {"B": 3, "S": 17}),
    "minilm": ({"B": 1, "S": 1}, {"B": 3, "S": 17}),
    "gpt2": ({"B": 1, "S": 9, "P": 0}, {"B": 2, "S": 1, "P": 20}),
    "llama": ({"B": 1, "S": 9, "P": 0}, {"B": 2, "S": 1, "P": 20}),
    "moe": ({"B": 1, "S": 40}, {"B": 2, "S": 64}),
    "whisper": ({"B": 1, "T": 10, "S": 1}, {"B": 2, "T": 128, "S": 9}),
    "lstm_tagger": ({"B": 1, "S": 1}, {"B": 4, "S": 13}),
}
"""Two values for each size that the small deploys leave open."""


def small_deploy(example: str) -> str:
    (found,) = re.findall(r"^deploy (\w*small\w*) ", (EXAMPLES / f"{example}.ten").read_text(encoding="utf-8"), re.M)
    return str(found)


@pytest.mark.parametrize("example", SMALL)
def test_a_small_deploy_is_built_and_gives_the_same_numbers_everywhere(example: str, tmp_path: Path) -> None:
    """In our evaluator, in onnxruntime and in onnx's: equal integers, floats within 3e-5, absolutely or relatively."""
    deploy = small_deploy(example)
    db, graph = graph_of(example, deploy)
    weights = program(db, graph.file, deploy, str(EXAMPLES)).weights
    path = built(example, deploy, tmp_path)
    model = onnx.load(path)
    sessions = [in_onnxruntime(path), in_reference(model)]
    for inputs in drawn_inputs(graph, SMALL[example]):
        expected = evaluated(graph, inputs, weights)
        for session in sessions:
            agree(expected, session.run(None, feeds_of(model, inputs)), 10.0)


def drawn_inputs(graph: Graph, bindings: Sequence[Mapping[str, int]]) -> Iterator[list[Array]]:
    leaves = set(leaves_of(graph))
    first, second = bindings
    assert set(first) == set(second) == set(map(str, leaves))
    assert all(first[name] != second[name] for name in first)
    for binding in bindings:
        sizes: dict[Leaf, int] = {leaf: binding[str(leaf)] for leaf in leaves}
        assert all(holds(bound, sizes) is not False for bound in graph.bounds)
        yield [random_of(at, ssa.type, sizes) for at, ssa in enumerate(graph.entry.inputs)]


def published_counts() -> dict[str, int]:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\.ten\].*\| ([\d,]+) \|$", text, re.MULTILINE)
    return {example: int(count.replace(",", "")) for example, count in rows}


def test_every_example_has_a_published_deploy_and_a_small_one() -> None:
    assert set(PUBLISHED) == set(published_counts()) == set(SMALL)


@pytest.mark.parametrize(("example", "deploy"), PUBLISHED.items())
def test_a_published_configuration_has_the_published_number_of_parameters(example: str, deploy: str) -> None:
    """Running statistics, which are no parameters, are weights of an artifact."""
    _, graph = graph_of(example, deploy)
    statistics = sum(
        int(np.prod(shape_of(weight.value.type.shape)))
        for weight in graph.entry.weights
        if weight.path.rpartition(".")[2] in ("running_mean", "running_var")
    )
    assert parameters(graph) - statistics == published_counts()[example]


@pytest.mark.heavy
@pytest.mark.parametrize("example", [name for name in PUBLISHED if name not in BEYOND_2_GB])
def test_a_published_configuration_is_built(example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deploy = PUBLISHED[example]
    assert run(["build", f"{EXAMPLES / example}.ten:{deploy}", "-o", str(tmp_path)]) == 0
    _, graph = graph_of(example, deploy)
    assert f"  {parameters(graph):,}  " in capsys.readouterr().out
    path = tmp_path / f"{deploy}.onnx"
    assert path.with_suffix(".safetensors").stat().st_size >= 4 * parameters(graph)
    onnx.checker.check_model(path, full_check=True)
    in_onnxruntime(path)


def test_the_examples_check_with_their_weights_and_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("models"))
    assert run(["check", "--no-cache", str(tmp_path / "examples")]) == 0
    assert "no problems" in capsys.readouterr().err
    for name in CHECKPOINTS:
        assert fetched(name).is_relative_to(EXAMPLES)
    assert run(["check", "--no-cache", str(EXAMPLES)]) == 0
    assert "no problems" in capsys.readouterr().err


@pytest.mark.heavy
def test_the_demo_runs() -> None:
    """As an ONNX model, and as machine code, whose compiler the heavy tests have."""
    shown = subprocess.run(["./dev", "demo"], cwd=EXAMPLES.parent, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("from the reference") == 2 * len(KNOWN)
    for name in ("embed.onnx", "embed.safetensors", "embed.vmfb", "embed.svg", "embed.html"):
        assert f"build/demo/{name}" in shown.stdout
