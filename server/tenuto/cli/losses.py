"""What `tenuto build --report` says of weights that are stored in small numbers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tenuto.cli.table import table
from tenuto.cli.target import Opened
from tenuto_backend.build import Program, program, with_sizes
from tenuto_backend.runtime import files, losses
from tenuto_backend.runtime.base import of_graph
from tenuto_backend.runtime.inputs import ready

SEED = 0


def lines(opened: Opened, deploy: str, made: Program, read: argparse.Namespace) -> Iterator[str]:
    """The error of each weight, and that of the outputs on the samples, or on inputs that are drawn.

    Raises `WrongInput` where the samples do not fit.
    """
    weights = list(losses.of_weights(made))
    if not weights:
        yield f"{deploy}: no weight is stored in small numbers"
        return
    yield f"{deploy}: {len(weights)} weights in small numbers"
    yield ""
    yield from table(
        [
            ("weight", "type", "largest error", "rms", "relative"),
            *((w.path, w.type, f"{w.largest:.2g}", f"{w.rms:.2g}", f"{w.relative:.2%}") for w in weights),
        ],
        right=range(2, 5),
    )
    exact = with_sizes(
        program(opened.workspace.database, opened.source.file, deploy, opened.root, read.allow_outside, exact=True),
        dict(read.dim),
    )
    interface = of_graph(made.graph)
    given = files.many(interface, read.samples) if read.samples else {}
    inputs = ready(interface, given, None, SEED)
    where = read.samples if read.samples else "drawn inputs"
    found = losses.of_outputs(made, exact, inputs.arrays, [port.name for port in interface.outputs])
    yield ""
    yield from table(
        [
            ("output", f"cosine to weights as floats, on {where}", "largest error"),
            *((o.name, f"{o.cosine:.6f}", f"{o.largest:.2g}") for o in found),
        ],
        right=range(1, 3),
    )
