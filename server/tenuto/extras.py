"""What installs a package that is missing: the extras of Tenuto, by the modules that they bring."""

from __future__ import annotations

BASIS = "onnx"
"""What it brings, the other extras of commands bring too."""

# What is not listed belongs to the base install.
EXTRA_OF_MODULE = {
    "numpy": "onnx",
    "ml_dtypes": "onnx",
    "onnx": "onnx",
    "tqdm": "onnx",
    "safetensors": "onnx",
    "onnxruntime": "run",
    "iree": "mlir",
    "jaxlib": "xla",
    "matplotlib": "plot",
    "graphlay": "graph",
}


def needed(error: ModuleNotFoundError, whole: str | None = None) -> str | None:
    """What to say of a missing package; None where it is one of Tenuto's own, which is a mistake of ours.

    `whole` is the extra that brings all that the command needs; another one may bring what an option of it needs.
    """
    package = (error.name or "").split(".")[0]
    if package.startswith("tenuto"):
        return None
    own = EXTRA_OF_MODULE.get(package)
    extra = whole if whole is not None and own in (None, BASIS) else own
    wanted = f"tenuto[{extra}]" if extra is not None else "tenuto"
    return f"this needs the package `{package}`: run `pip install '{wanted}'`"
