"""Machine code by IREE on one core, beside onnxruntime and PyTorch: MiniLM and GPT-2 at three sizes; what builds take.

Run by `./dev bench iree`. One module serves all sizes, others are made for one size each. PyTorch and transformers run
in a process of their own, installed into `.bench`, which git ignores. Each size is run in interleaved rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import onnxruntime

import tenuto
from tenuto.api import Deploy
from tenuto_analysis import modules
from tenuto_analysis.database import Database
from tenuto_analysis.elaborate.deploys import elaborate
from tenuto_backend.build import typed_graph
from tenuto_backend.iree import compiler
from tenuto_backend.iree.build import module_for
from tenuto_backend.iree.targets import HOST, target
from tenuto_backend.mlir.emit import emit
from tenuto_backend.mlir.operations import count
from tenuto_backend.mlir.printing import text
from tenuto_backend.reference.values import Array
from tests.benchmarks.bench_export import installed
from tests.benchmarks.processes import verdict
from tests.in_iree import loaded
from tests.models import fetched

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDS = 7
STATIC, DYNAMIC = 1.15, 1.3
"""The bars, of onnxruntime's time."""

Run = Callable[[], object]

PEER = """
import json, sys, time, torch, transformers
torch.set_num_threads(1)
models = {
    "minilm": lambda: transformers.BertModel(transformers.BertConfig(vocab_size=30522, hidden_size=384,
        num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config()),
}
model = models[sys.argv[1]]().eval()
for line in sys.stdin:
    batch, steps = json.loads(line)
    ids = torch.zeros((batch, steps), dtype=torch.long)
    with torch.no_grad():
        begun = time.perf_counter()
        model(ids)
        print(time.perf_counter() - begun, flush=True)
"""


class Model(NamedTuple):
    example: str
    deploy: str
    sizes: Sequence[Mapping[str, int]]


MODELS = (
    Model("minilm", "embed", ({"B": 1, "S": 16}, {"B": 1, "S": 128}, {"B": 8, "S": 64})),
    Model("gpt2", "generate", ({"B": 1, "S": 1, "P": 64}, {"B": 1, "S": 16, "P": 0}, {"B": 1, "S": 128, "P": 0})),
)


class Peer:
    """PyTorch, which answers how long a run took."""

    def __init__(self, model: str, folder: Path) -> None:
        script = folder / "peer.py"
        script.write_text(PEER, encoding="utf-8")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([str(installed()), str(script), model], stdin=pipe, stdout=pipe, text=True)

    def seconds(self, sizes: Mapping[str, int]) -> float:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None and answers is not None
        given.write(json.dumps([sizes["B"], sizes["S"]]) + "\n")
        given.flush()
        return float(answers.readline())

    def end(self) -> None:
        self._process.communicate()


def main() -> int:
    fetched("all-MiniLM-L6-v2.safetensors")
    met = True
    for model in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            met &= _measure(model, Path(folder))
    met &= _ten_thousand()
    _stages()
    return 0 if met else 1


def _measure(model: Model, folder: Path) -> bool:
    deploy = tenuto.load(EXAMPLES / f"{model.example}.ten").deploy(model.deploy)
    onnx = deploy.to_onnx(folder / "model.onnx").path
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    peer = Peer(model.example, folder)
    dynamic = _code(deploy, folder, {})
    met = True
    for sizes in model.sizes:
        static = _code(deploy, folder, sizes)
        inputs = deploy.draw(0, **sizes)
        arrays = [*inputs.values()]
        runs: dict[str, Run] = {
            "onnxruntime": partial(session.run, None, inputs),
            "static": partial(static, arrays),
            "dynamic": partial(dynamic, arrays),
        }
        times = _interleaved(runs, partial(peer.seconds, sizes))
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        print(f"  {model.example}, {told}: {', '.join(f'{name} {1e3 * t:.1f} ms' for name, t in times.items())}")
        met &= verdict("static, of onnxruntime", times["static"] / times["onnxruntime"], STATIC)
        met &= verdict("dynamic, of onnxruntime", times["dynamic"] / times["onnxruntime"], DYNAMIC)
        if sizes.get("P", 0) == 0:  # The peer's cache would be another computation.
            met &= verdict("the slower of both, of PyTorch", max(times["static"], times["dynamic"]) / times["torch"], 1)
    peer.end()
    return met


def _code(deploy: Deploy, folder: Path, sizes: Mapping[str, int]) -> Callable[[Sequence[Array]], object]:
    name = "_".join(f"{name}{size}" for name, size in sizes.items()) or "dynamic"
    made = deploy.to_vmfb(folder / f"{name}.vmfb", dims=sizes)
    run = loaded(made.path.read_bytes(), made.path.with_suffix(".safetensors"))
    return lambda arrays: run(made.record.function, arrays)


def _interleaved(runs: Mapping[str, Run], peer: Callable[[], float]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in (*runs, "torch")}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            found[name].append(time.perf_counter() - begun)
        found["torch"].append(peer())
        if turn == 0:
            found = {name: [] for name in found}  # The first is not counted.
    return {name: statistics.median(times) for name, times in found.items()}


def _ten_thousand() -> bool:
    """A module of as many operations, from its graph to its text."""
    lines = "\n".join(f"  let x{at} = x{at - 1} * 1.5 + y" for at in range(1, 840))
    source = f"model M(x0: f32[N], y: f32[N]) -> f32[N] {{\n{lines}\n  return x839\n}}\ndeploy m = M {{}}\n"
    db = Database()
    db.set(modules.file_text, "/m.ten", source)
    graph = elaborate(db, "/m.ten", "m")
    begun = time.process_time()
    module = emit(db, graph)
    text(module)
    seconds = time.process_time() - begun
    return verdict("a processor's seconds for a module of 10,000 operations", seconds * 10_000 / count(module), 1)


def _stages() -> None:
    """What the build of MiniLM is made of."""
    times: list[tuple[str, float]] = []

    def timed(name: str, make: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        made = make()
        times.append((name, time.perf_counter() - begun))
        return made

    source = timed("check", lambda: tenuto.load(EXAMPLES / "minilm.ten"))
    opened = source.deploy("embed")._opened
    db, file = opened.workspace.database, opened.source.file
    graph = timed("graph", lambda: typed_graph(db, file, "embed"))
    module = timed("module", lambda: module_for(db, graph, target(HOST), None))
    written = timed("text", lambda: text(module))
    timed("compiler", lambda: compiler.compiled(written, target(HOST)))
    print("  MiniLM: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times))


if __name__ == "__main__":
    import_module("iree.runtime")  # Told at once where it is missing.
    sys.exit(main())
