"""`tenuto build` from source to ONNX, beside `torch.onnx.export(dynamo=True)` with its optimisation.

Run by `./dev bench export`. Whole processes, the same models, imports counted, weights in a file of their own.
Then what onnxruntime takes to load either artifact and to run it. The peer (PyTorch, transformers) is installed
into `.bench`, which git ignores.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import venv
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from safetensors.numpy import save_file

from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim
from tenuto_analysis.elaborate.deploys import elaborate
from tests.benchmarks.processes import TENUTO, Job, interleaved, table, verdict

ROOT = Path(__file__).parents[2]
PEERS = ("transformers==5.23.0", "onnx==1.21.0", "onnxscript==0.7.2", "onnxruntime==1.31.1")
PINS = ROOT / "requirements-peers.txt"
HOME = ROOT / ".bench"
EXAMPLES = ROOT / "examples"
BUILD = ("build", "model.ten:measured", "--profile", "modern", "-o", ".")
ROUNDS = 3


class Case(NamedTuple):
    """A model on both sides; `bar` is for the processor's time, `options` do in our build what the peer always does."""

    name: str
    example: str
    configuration: str
    model: str
    dims: str
    peer: str
    bar: float
    options: tuple[str, ...]
    shape: tuple[int, ...]


GPT2 = """
import torch, transformers
config = transformers.GPT2Config(n_layer={layers}, use_cache=False)
model = transformers.GPT2LMHeadModel(config).eval()
batch, steps = torch.export.Dim("B", min=1, max=64), torch.export.Dim("S", min=2, max=1024)
program = torch.onnx.export(model, (torch.zeros((2, 8), dtype=torch.long),), dynamo=True, optimize=True,
    dynamic_shapes={{"input_ids": {{0: batch, 1: steps}}}})
program.save("peer.onnx", external_data=True)
"""
RESNET = """
import torch, transformers
model = transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000)).eval()
for name, tensor in model.state_dict().items():  # As after a training: nothing is 0 or 1 that could be left out.
    if "normalization" in name and tensor.is_floating_point():
        torch.nn.init.uniform_(tensor, 0.5, 1.5)
program = torch.onnx.export(model, (torch.zeros((2, 3, 224, 224)),), dynamo=True, optimize=True,
    dynamic_shapes={"pixel_values": {0: torch.export.Dim("B", min=1, max=64)}})
program.save("peer.onnx", external_data=True)
"""
CONFIG = "Gpt2Config(vocab = 50257, positions = 1024, width = 768, layers = {layers}, heads = 12)"
CASES = (
    *(
        Case(
            f"GPT-2, {layers} layers",
            "gpt2",
            CONFIG.format(layers=layers),
            "Gpt2",
            "B: 1 .. 64, S: 1 .. 1024, P: 0",
            GPT2.format(layers=layers),
            bar,
            ("--in-place",),
            (1, 128),
        )
        for layers, bar in ((12, 0.04), (48, 0.02))
    ),
    Case(
        "ResNet-50",
        "resnet50",
        "resnet50",
        "ResNet",
        "B: 1 .. 64, H: 224, W: 224",
        RESNET,
        0.06,
        ("--fold-batch-norm",),
        (1, 3, 224, 224),
    ),
)


def main() -> int:
    python = installed()
    met = True
    for case in CASES:
        print(f"  {' '.join((case.name, *case.options))}")
        with tempfile.TemporaryDirectory() as name:
            met &= _measure(case, python, Path(name))
    return 0 if met else 1


def _measure(case: Case, python: Path, folder: Path) -> bool:
    source = folder / "model.ten"
    text = (EXAMPLES / f"{case.example}.ten").read_text(encoding="utf-8")
    deploy = f"{case.model}[{case.configuration}]"
    settings = f'weights: "weights.safetensors", dims: {{ {case.dims} }}'
    source.write_text(f"{text}\ndeploy measured = {deploy} {{ {settings} }}\n", encoding="utf-8")
    # In a process of its own: what one that starts others has held counts as the memory of those.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        size = pool.submit(_draw, source, folder / "weights.safetensors").result()
    (folder / "peer.py").write_text(case.peer, encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    jobs = {
        "torch.onnx": Job([str(python), "peer.py"], folder, environment),
        "tenuto": Job([TENUTO, *BUILD, *case.options], folder, environment),
    }
    costs = interleaved(jobs, ROUNDS)
    table(costs, "torch.onnx")
    ours, theirs = folder / "measured.onnx", folder / "peer.onnx"
    nodes = [_nodes(path) for path in (ours, theirs)]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        loading, running = pool.submit(_runtime, case, (ours, theirs)).result()
    print(f"  nodes {nodes[0]} and {nodes[1]}; weights {size / 1e6:.0f} MB")
    return all(
        (
            verdict("CPU", costs["tenuto"].cpu / costs["torch.onnx"].cpu, case.bar),
            verdict("memory above the weights, MB", costs["tenuto"].memory - size / 2**20, 300),
            verdict("nodes", nodes[0] / nodes[1], 1),
            verdict("onnxruntime's time to load", loading[0] / loading[1], 1.1),
            verdict("onnxruntime's time to run", running[0] / running[1], 1.1),
        )
    )


def _draw(source: Path, path: Path) -> int:
    """Weights of the names and shapes that the model wants; how many bytes they are."""
    db = Database()
    db.set(modules.file_text, str(source), source.read_text(encoding="utf-8"))
    random = np.random.default_rng(0)
    found = {}
    for weight in elaborate(db, str(source), "measured").entry.weights:
        shape = [
            item.constant for item in weight.value.type.shape if isinstance(item, Dim) and item.constant is not None
        ]
        drawn = (random.standard_normal(shape, np.float32) * 0.02).astype(np.float32)
        found[weight.path] = np.abs(drawn) + 1 if weight.path.endswith("running_var") else drawn
    save_file(found, path)
    return sum(array.nbytes for array in found.values())


def _nodes(path: Path) -> int:
    """The nodes that a run carries out: functions counted where they are called."""
    model = onnx.load(path, load_external_data=False)
    functions = {(function.domain, function.name): function for function in model.functions}

    def count(nodes: Iterable[onnx.NodeProto]) -> int:
        total = 0
        for node in nodes:
            function = functions.get((node.domain, node.op_type))
            total += count(function.node) if function is not None else 1
        return total

    return count(model.graph.node)


def _runtime(case: Case, paths: tuple[Path, Path]) -> tuple[list[float], list[float]]:
    """Medians of the seconds to load and to run, by artifact, interleaved."""
    loading: list[list[float]] = [[], []]
    running: list[list[float]] = [[], []]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for _ in range(ROUNDS):
        for i, path in enumerate(paths):
            begun = time.perf_counter()
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            loading[i].append(time.perf_counter() - begun)
            given = {item.name: _zeros(item, case) for item in session.get_inputs()}
            session.run(None, given)
            for _ in range(5):
                begun = time.perf_counter()
                session.run(None, given)
                running[i].append(time.perf_counter() - begun)
    return [statistics.median(times) for times in loading], [statistics.median(times) for times in running]


def _zeros(item: onnxruntime.NodeArg, case: Case) -> npt.NDArray[Any]:
    """The input of the case; our GPT-2 also takes a cache, which is empty."""
    dtype = {"tensor(int64)": np.int64, "tensor(float)": np.float32}[item.type]
    if "past" not in item.name:
        return np.zeros(case.shape, dtype)
    return np.zeros([size if isinstance(size, int) else {"B": 1}.get(size, 0) for size in item.shape], dtype)


def installed() -> Path:
    """The peer's Python, installed where it is missing."""
    folder, stamp = HOME / "torch", HOME / "torch.stamp"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = "\n".join((*PEERS, PINS.read_text(encoding="utf-8")))
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        venv.create(folder, clear=True, with_pip=True)
        run([str(python), "-m", "pip", "install", "--quiet", *PEERS, "--requirement", str(PINS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


if __name__ == "__main__":
    sys.exit(main())
