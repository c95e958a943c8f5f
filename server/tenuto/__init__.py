"""Tenuto's public face: `import tenuto`, and the command line of the same name in `cli/`.

From a source to an artifact, and what it computes:

    >>> import tenuto
    >>> tenuto.check("examples/mlp.ten")
    ()
    >>> digits = tenuto.load("examples/mlp.ten").deploy("digits_small")
    >>> print(*digits.inputs, "->", *digits.outputs)
    image: f32[B, 16] within 0.0 .. 1.0 -> result: f32[B, 10]
    >>> artifact = digits.to_onnx()
    >>> artifact.run(**digits.draw(B=3))["result"].shape
    (3, 10)

It only asks and shows: meaning is made in `tenuto_analysis`. Importing it must cost nothing, because every start of the
command line does: a name is loaded when it is first asked for.
"""

from importlib import import_module

TYPE_CHECKING = False  # As type checkers know it; `typing` is not loaded for it.
if TYPE_CHECKING:
    from tenuto.api import Deploy, Source, load
    from tenuto.checking import Problem, ProgramError, check
    from tenuto.lowering import MlirModule, TargetModule
    from tenuto_backend.onnx.options import OnnxError
    from tenuto_backend.runtime.artifact import Artifact, open_artifact
    from tenuto_backend.runtime.base import Port, RunError, WrongInput
    from tenuto_backend.runtime.binary import Binary, open_binary
    from tenuto_backend.stablehlo.save import StablehloArtifact
    from tenuto_backend.weights.base import WeightsError
    from tenuto_backend.weights.beside import ArtifactError

__all__ = [
    "Artifact",
    "ArtifactError",
    "Binary",
    "Deploy",
    "MlirModule",
    "OnnxError",
    "Port",
    "Problem",
    "ProgramError",
    "RunError",
    "Source",
    "StablehloArtifact",
    "TargetModule",
    "WeightsError",
    "WrongInput",
    "check",
    "load",
    "open_artifact",
    "open_binary",
]

__version__ = "0.1.0"

_MODULES = {
    "Artifact": "tenuto_backend.runtime.artifact",
    "ArtifactError": "tenuto_backend.weights.beside",
    "Binary": "tenuto_backend.runtime.binary",
    "Deploy": "tenuto.api",
    "MlirModule": "tenuto.lowering",
    "OnnxError": "tenuto_backend.onnx.options",
    "Port": "tenuto_backend.runtime.base",
    "Problem": "tenuto.checking",
    "ProgramError": "tenuto.checking",
    "RunError": "tenuto_backend.runtime.base",
    "Source": "tenuto.api",
    "StablehloArtifact": "tenuto_backend.stablehlo.save",
    "TargetModule": "tenuto.lowering",
    "WeightsError": "tenuto_backend.weights.base",
    "WrongInput": "tenuto_backend.runtime.base",
    "check": "tenuto.checking",
    "load": "tenuto.api",
    "open_artifact": "tenuto_backend.runtime.artifact",
    "open_binary": "tenuto_backend.runtime.binary",
}


if not TYPE_CHECKING:  # Else every misspelt name would be one.

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'tenuto' has no attribute {name!r}")
        try:
            module = import_module(_MODULES[name])
        except ModuleNotFoundError as error:
            told = import_module("tenuto.extras").needed(error)
            if told is None:
                raise
            raise ModuleNotFoundError(told, name=error.name) from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
