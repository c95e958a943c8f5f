"""What the models of the tests want of a checkpoint, found by walking over the parts that the checker knows.

It is for models whose weights do not depend on a static condition. Also the headers that Markdown tests write as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tenuto_analysis import modules
from tenuto_analysis.check import models, queries
from tenuto_analysis.check.context import Context
from tenuto_analysis.database import Database
from tenuto_analysis.dims import Dim, Symbol, literal
from tenuto_analysis.dtypes import FLOAT, SCALARS
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import Instance, Int, ListValue, Reference, Sequence, Tensor, Value
from tenuto_analysis.weights import Header, Stored, Wanted

LINE = re.compile(r"(?P<name>\S+): (?P<dtype>\w+)\[(?P<sizes>[\d, ]*)\]")


def header(text: str) -> Header:
    """`name: f32[3, 4]` on each line; a line that is none says what is wrong with the file."""
    tensors: list[Stored] = []
    for line in text.splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            return Header((), line)
        tensors.append(Stored(found["name"], found["dtype"], tuple(map(int, re.findall(r"\d+", found["sizes"])))))
    return Header(tuple(tensors))


def wanted_by_deploys(db: Database, file: str) -> Iterator[tuple[str, tuple[Wanted, ...]]]:
    """The key of each deploy of a file with the weights that it wants; `float` is f32."""
    for key, keyword in modules.keys(db, file):
        model = queries.body(db, file, key).result if keyword == "deploy" else None
        if isinstance(model, Reference):
            yield key, tuple(_of(Context(db, file, key, queries.owner_of(file, key)), model, ""))


def _of(ctx: Context, value: Value, path: str) -> Iterator[Wanted]:
    match value:
        case Reference():
            for name, member in models.members_of(ctx, value):
                yield from _of(ctx, member, f"{path}.{name}" if path else name)
        case Instance(model=Reference() as model):
            yield from _of(ctx, model, path)
        case ListValue(items=items):
            for number, item in enumerate(items):
                yield from _of(ctx, item, f"{path}.{number}")
        case Sequence(element=element, index=Symbol() as index, length=length):
            assert length.constant is not None
            for number in range(length.constant):
                step = Substitution(index.owner, ctx.known, {index.name: Int(literal(number))})
                yield from _of(ctx, step.value(element), f"{path}.{number}")
        case Tensor(dtype=dtype, shape=shape):
            assert all(isinstance(item, Dim) and item.constant is not None for item in shape), str(value)
            yield path, Tensor(SCALARS["f32"] if dtype == FLOAT else dtype, shape)
        case _:
            raise AssertionError(f"{path} is {value}")
