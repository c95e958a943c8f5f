"""Calls of definitions that hold what only a lowering makes hard: results of several values, loops and branches that a
run decides, packs that broadcast, parts in lists, one part used on several sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.generate.builder import Builder, term
from tests.generate.moves import MOVES

BOTH = """
fn both[..S, ..R](x: f32[..S], y: f32[..R]) -> (f32[..broadcast(S, R)], f32[..S]) {
  return (x + y, x * 2.0)
}
"""

SCANNED = """
fn scanned(x: f32[P, ..S]) -> (f32[P, ..S], f32[..S]) {
  var total = zeros[f32](shape[..S])
  for t in range(P) {
    total = total + x[t]
    collect rows = total * 0.5
  }
  return (rows, total)
}
"""

HALVED = """
fn halved(x: f32[..S], limit: float = 1.0) -> (f32[..S], i64[]) {
  var h = tanh(x)
  var steps = 0 as i64
  while sum(h * h) > limit {
    h = h * 0.5
    steps = steps + 1
  }
  return (h, steps)
}
"""

SIGNED = """
fn signed(x: f32[..S], other: f32[..S]? = none, n: int = 2) -> f32[..S] {
  var h = x
  for i in range(n) {
    h = h * 0.5 + i
  }
  if sum(x) > 0.0 {
    return h
  }
  if other == none {
    return -h
  }
  return h + other
}
"""

TWICE = """
fn twice(x: f32[P, Q]) -> f32[P, P] = scaled(x) @ transpose(scaled(x))

fn scaled(x: f32[P, Q]) -> f32[P, Q] = x / (1.0 + max(abs(x)))
"""

STACKED = """
model Layer[D: dim](x: f32[..S, D]) -> f32[..S, D] {
  param gain: f32[D] = normal(std = 0.5)
  return tanh(x * gain)
}

model Stacked[D: dim, n: int](x: f32[..S, D]) -> f32[..S, D] {
  sub layer = [Layer[D] for _ in range(n)]
  sub last = Layer[D]
  var h = x
  for block in layer {
    h = last(block(h)) + x
  }
  return h
}
"""

PARITY = """
fn parity(x: f32[P, ..S]) -> f32[P, ..S] {
  return if P % 2 == 0 then flip(x, axis = 0) else roll(x, 1, axis = 0)
}
"""


def _both(builder: Builder) -> None:
    builder.library.add(BOTH)
    x = builder.pick(1, 3)
    y = builder.parameter(x.dims[builder.chance.randrange(len(x.dims)) :])
    first, second = builder.fresh("a"), builder.fresh("b")
    builder.lines.append(f"let ({first}, {second}) = both({x.name}, {y.name})")
    builder.let(f"{first} - {second}", x.dims)


def _scanned(builder: Builder) -> None:
    builder.library.add(SCANNED)
    x = builder.pick(1, 3)
    found = builder.fresh("pair")
    builder.lines.append(f"let {found} = scanned({x.name})")
    builder.let(f"{found}.0 + {found}.1", x.dims)


def _halved(builder: Builder) -> None:
    builder.library.add(HALVED)
    x = builder.pick(1, 3)
    found = builder.fresh("pair")
    limit = builder.chance.choice(("", ", limit = 0.25"))
    builder.lines.append(f"let {found} = halved({x.name}{limit})")
    builder.let(f"{found}.0 + ({found}.1 as f32)", x.dims)


def _signed(builder: Builder) -> None:
    builder.library.add(SIGNED)
    x = builder.pick(1, 3)
    same = builder.chance.choice([other for other in builder.variables if other.dims == x.dims])
    more = builder.chance.choice(("", f", {same.name}", ", n = 0", f", other = {same.name}, n = 3"))
    builder.let(f"signed({x.name}{more})", x.dims)


def _twice(builder: Builder) -> None:
    builder.library.add(TWICE)
    x = builder.pick(2, 2)
    for dim in x.dims:
        builder.know(f"{term(dim)} >= 1")
    builder.let(f"twice({x.name})", (x.dims[0], x.dims[0]))


def _stacked(builder: Builder) -> None:
    if not builder.model:
        return
    builder.library.add(STACKED)
    x = builder.pick(1, 3)
    name = builder.fresh("m")
    builder.weights.append(f"sub {name} = Stacked[{x.dims[-1]}, {builder.chance.randrange(4)}]")
    once = builder.let(f"{name}({x.name})", x.dims)
    if len(x.dims) >= 2 and builder.chance.random() < 0.6:
        builder.let(f"{name}(sum({once.name}, axis = 0))", x.dims[1:])


def _parity(builder: Builder) -> None:
    builder.library.add(PARITY)
    x = builder.pick(1, 3)
    builder.let(f"parity({x.name})", x.dims)


COMPOSED: Sequence[Callable[[Builder], None]] = (
    *MOVES,
    *(_both, _scanned, _halved, _signed, _twice, _stacked, _stacked, _parity),
)
