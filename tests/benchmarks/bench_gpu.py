"""MiniLM and GPT-2 in 16 bits on an NVIDIA GPU: by IREE, and by `torch.compile` on the same device.

Run by `./dev bench gpu`. Prints times, ratios and errors against `f32` on the processor; where there is no such GPU it
says so and ends. PyTorch must be one that knows CUDA: the Python that has it stands in `TENUTO_BENCH_PYTHON`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import tenuto
from tenuto_backend.reference.values import Array
from tests.models import fetched

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDS = 20
NO_GPU = "  there is no NVIDIA GPU here: nvidia-smi is missing, or finds none"

PEER = """
import json, sys, time, torch, transformers
device, dtype = torch.device("cuda"), getattr(torch, sys.argv[2])
models = {
    "minilm": lambda: transformers.BertModel(transformers.BertConfig(vocab_size=30522, hidden_size=384,
        num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config()),
}
model = torch.compile(models[sys.argv[1]]().eval().to(device, dtype))
batch, steps, rounds = json.loads(sys.argv[3])
ids = torch.zeros((batch, steps), dtype=torch.long, device=device)
times = []
with torch.no_grad():
    for turn in range(rounds + 5):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        model(ids)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
print(json.dumps(times[5:]))
"""


class Case(NamedTuple):
    example: str
    deploy: str
    sizes: dict[str, int]


CASES = (Case("minilm", "embed", {"B": 8, "S": 128}), Case("gpt2", "generate", {"B": 1, "S": 128, "P": 0}))
DTYPES = {"f16": "float16", "bf16": "bfloat16"}


def main() -> int:
    architecture = _architecture()
    if architecture is None:
        print(NO_GPU)
        return 0
    fetched("all-MiniLM-L6-v2.safetensors")
    print(f"  cuda.{architecture}")
    for case in CASES:
        for dtype in DTYPES:
            with tempfile.TemporaryDirectory() as folder:
                _measure(case, dtype, architecture, Path(folder))
    return 0


def _architecture() -> str | None:
    """`sm_90`; None where there is no such device."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=compute_cap", "--format=csv,noheader"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.match(r"(\d+)\.(\d+)", told.stdout)
    return None if found is None else f"sm_{found[1]}{found[2]}"


def _measure(case: Case, dtype: str, architecture: str, folder: Path) -> None:
    text = (EXAMPLES / f"{case.example}.ten").read_text(encoding="utf-8")
    source = folder / "model.ten"
    models = EXAMPLES / "models"
    if models.is_dir():
        (folder / "models").symlink_to(models)
    source.write_text(_in_precision(text, case.deploy, dtype), encoding="utf-8")
    deploy = tenuto.load(source, allow_outside=True).deploy(case.deploy)
    inputs = deploy.draw(0, **case.sizes)
    made = deploy.to_vmfb(folder / "model.vmfb", target=f"cuda.{architecture}", dims=case.sizes)
    exact = tenuto.load(EXAMPLES / f"{case.example}.ten").deploy(case.deploy).run(**_wide(inputs))
    found = made.run(**inputs)
    error = _error(next(iter(exact.values())), next(iter(found.values())))
    ours = _median(lambda: made.run(**inputs))
    peer = os.environ.get("TENUTO_BENCH_PYTHON", sys.executable)
    (folder / "peer.py").write_text(PEER, encoding="utf-8")
    shape = json.dumps([case.sizes["B"], case.sizes["S"], ROUNDS])
    command = [peer, str(folder / "peer.py"), case.example, DTYPES[dtype], shape]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    name = f"{case.example} {dtype}"
    if told.returncode != 0:
        print(f"  {name}: IREE {1e3 * ours:.2f} ms, error {error:.1e}; PyTorch did not run: {told.stderr[-200:]}")
        return
    theirs = statistics.median(json.loads(told.stdout))
    print(
        f"  {name}: IREE {1e3 * ours:.2f} ms (with the way to its process), torch.compile {1e3 * theirs:.2f} ms, "
        f"ratio {ours / theirs:.2f}, error {error:.1e}"
    )


def _in_precision(text: str, deploy: str, dtype: str) -> str:
    """The source with a deploy in another precision."""
    start = text.index(f"deploy {deploy} = ")
    brace = text.index("{\n", start) + 2
    return f"{text[:brace]}  precision: {dtype},\n{text[brace:]}"


def _wide(inputs: dict[str, Array]) -> dict[str, Array]:
    return {
        name: array.astype(np.float32) if array.dtype.kind not in "iub" else array for name, array in inputs.items()
    }


def _error(exact: Array, found: Array) -> float:
    """The root of the mean square, of that of the exact numbers."""
    difference = exact.astype(np.float64) - found.astype(np.float64)
    return float(np.sqrt((difference**2).mean() / (exact.astype(np.float64) ** 2).mean()))


def _median(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS + 3):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[3:])


if __name__ == "__main__":
    sys.exit(main())
