"""`.pth` and `.pt`: a pickle, which PyTorch reads (`weights_only=True`) in a process of its own.

That process writes the tensors as `.safetensors` into a temporary folder, which is gone as soon as they are mapped.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tenuto_backend.weights import safetensors
from tenuto_backend.weights.base import WeightsError

REFUSED = 3
CHILD = "tenuto_backend.weights.pickled_child"


def open_weights(path: Path, root: Path | None) -> safetensors.Safetensors:
    if find_spec("torch") is None:
        raise ModuleNotFoundError(name="torch")
    # On Windows a mapped file cannot be removed: there the folder stays until the system clears it.
    with TemporaryDirectory(prefix="tenuto-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "copy.safetensors")
        # -P: nothing is imported from the current folder.
        command = [sys.executable, "-P", "-m", CHILD, str(path.absolute()), str(copy)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode == REFUSED:
            raise WeightsError(path, f"is not read: {ran.stdout.strip()}; ask for a `.safetensors` of it")
        if ran.returncode != 0:
            last = (ran.stdout.strip() or ran.stderr.strip()).splitlines()[-1:]
            reason = last[0] if last else f"the process that reads it ended with {ran.returncode}"
            raise WeightsError(path, f"cannot be read: {reason}; save it as a `.safetensors`")
        return safetensors.open_weights(copy, root)
