"""The statements that a random program is made of: each move adds one or a few to a definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.generate.builder import Builder, Dims, Variable, shape_text, term


def _unary(builder: Builder) -> None:
    x = builder.pick()
    form = builder.chance.choice(("relu({0})", "-{0}", "{0} * 0.5", "1.0 + {0}", "{0} |> tanh()", "gelu({0}) as f32"))
    builder.let(form.format(x.name), x.dims)


def _binary(builder: Builder) -> None:
    x = builder.pick(1)
    same = [other for other in builder.variables if other.dims == x.dims]
    other = builder.chance.choice(same)
    chance = builder.chance.random()
    sign = builder.chance.choice("+-*")
    if chance < 0.3:
        builder.let(f"{x.name} {sign} {other.name}", x.dims)
    elif chance < 0.5:
        axis = builder.chance.randrange(len(x.dims))
        builder.let(f"{x.name} {sign} mean({other.name}, axis = {axis}, keepdims = true)", x.dims)
    elif chance < 0.7:
        suffix = builder.parameter(x.dims[builder.chance.randrange(len(x.dims)) :])
        builder.let(f"{x.name} {sign} {suffix.name}", x.dims)
    elif chance < 0.85:
        row, column = builder.pick(1, 1), builder.pick(1, 1)
        builder.let(f"{row.name}[:, none] {sign} {column.name}", (row.dims[0], column.dims[0]))
    else:
        builder.let(f"where({x.name} > 0.0, {x.name}, {other.name})", x.dims)


def _matmul(builder: Builder) -> None:
    x = builder.pick(2, 3)
    chance = builder.chance.random()
    if chance < 0.4:
        width = builder.dimension()
        weight = builder.parameter((x.dims[-1], width))
        builder.let(f"{x.name} @ {weight.name}", (*x.dims[:-1], width))
    elif chance < 0.8:
        builder.let(f"{x.name} @ transpose({x.name})", (*x.dims[:-1], x.dims[-2]))
    else:
        width = builder.dimension()
        weight = builder.parameter((width, x.dims[-1]))
        names = "ab"[: len(x.dims) - 1]
        pattern = f"{' '.join(names)} k, w k -> {' '.join(names)} w"
        builder.let(f'einsum("{pattern}", {x.name}, {weight.name})', (*x.dims[:-1], width))


def _transpose(builder: Builder) -> None:
    x = builder.pick(2)
    order = list(range(len(x.dims)))
    chance = builder.chance.random()
    if chance < 0.4:
        builder.let(f"transpose({x.name})", (*x.dims[:-2], x.dims[-1], x.dims[-2]))
    elif chance < 0.8:
        builder.chance.shuffle(order)
        builder.let(f"permute({x.name}, ({', '.join(map(str, order))}))", tuple(x.dims[at] for at in order))
    else:
        names = "abcd"[: len(order)]
        builder.chance.shuffle(order)
        pattern = f"{' '.join(names)} -> {' '.join(names[at] for at in order)}"
        builder.let(f'rearrange({x.name}, "{pattern}")', tuple(x.dims[at] for at in order))


def _reduction(builder: Builder) -> None:
    x = builder.pick(1)
    axis = builder.chance.randrange(len(x.dims))
    shown = axis - len(x.dims) if builder.chance.random() < 0.5 else axis
    function = builder.chance.choice(("sum", "mean", "max", "norm"))
    if builder.chance.random() < 0.3:
        kept = (*x.dims[:axis], "1", *x.dims[axis + 1 :])
        builder.let(f"{function}({x.name}, axis = {shown}, keepdims = true)", kept)
    else:
        builder.let(f"{function}({x.name}, axis = {shown})", x.dims[:axis] + x.dims[axis + 1 :])


def _merge(builder: Builder) -> None:
    x = builder.pick(2)
    axis = builder.chance.randrange(len(x.dims) - 1)
    merged = f"{term(x.dims[axis])} * {term(x.dims[axis + 1])}"
    dims = (*x.dims[:axis], merged, *x.dims[axis + 2 :])
    chance = builder.chance.random()
    if chance < 0.4:
        builder.let(f"reshape({x.name}, {shape_text(dims)})", dims)
    elif chance < 0.7:
        names = "abcd"[: len(x.dims)]
        right = [*names[:axis], f"({names[axis]} {names[axis + 1]})", *names[axis + 2 :]]
        builder.let(f'rearrange({x.name}, "{" ".join(names)} -> {" ".join(right)}")', dims)
    else:
        _positive(builder, (*dims[:axis], *dims[axis + 1 :]))
        asked = (*dims[:axis], "-1", *dims[axis + 1 :])
        builder.let(f"reshape({x.name}, {shape_text(asked)})", dims)


def _divide(builder: Builder) -> None:
    """Split an axis that a fact, old or new, divides."""
    x = builder.pick(1, 3)
    axis = builder.chance.randrange(len(x.dims))
    size = x.dims[axis]
    if not size.isidentifier():
        return
    by = builder.chance.choice(("2", "2", "3", "4", *(name for name in builder.names if name != size)))
    builder.know(f"{size} % {by} == 0")
    parts = (by, f"{size} // {by}") if builder.chance.random() < 0.6 else (f"{size} // {by}", by)
    dims = (*x.dims[:axis], *parts, *x.dims[axis + 1 :])
    chance = builder.chance.random()
    if chance < 0.35:
        builder.let(f"reshape({x.name}, {shape_text(dims)})", dims)
    elif chance < 0.6:
        names = "abcd"[: len(x.dims)]
        left = [*names[:axis], "(p q)", *names[axis + 1 :]]
        right = [*names[:axis], "p", "q", *names[axis + 1 :]]
        known = "p" if parts[0] == by else "q"
        builder.let(f'rearrange({x.name}, "{" ".join(left)} -> {" ".join(right)}", {known} = {by})', dims)
    elif chance < 0.8 and by.isdigit():
        pieces = builder.fresh("pieces")
        builder.lines.append(f"let {pieces} = split({x.name}, {by}, axis = {axis})")
        dims = (*x.dims[:axis], f"{size} // {by}", *x.dims[axis + 1 :])
        builder.let(f"{pieces}[0] + {pieces}[{int(by) - 1}]", dims)
    else:
        _positive(builder, (by, *x.dims[:axis], *x.dims[axis + 1 :]))
        asked = tuple("-1" if part == f"{size} // {by}" else part for part in dims)
        if asked.count("-1") == 1:
            builder.let(f"reshape({x.name}, {shape_text(asked)})", dims)


def _positive(builder: Builder, dims: Dims) -> None:
    """What makes a size of -1 certain: no other size is 0; now and then it is forgotten."""
    for dim in dims:
        if not dim.isdigit() and builder.chance.random() < 0.95:
            builder.know(f"{term(dim)} >= 1")


def _join(builder: Builder) -> None:
    x = builder.pick(1)
    axis = builder.chance.randrange(len(x.dims))
    chance = builder.chance.random()
    if chance < 0.4:
        other = builder.parameter((*x.dims[:axis], builder.dimension(), *x.dims[axis + 1 :]))
        dims = (*x.dims[:axis], f"{term(x.dims[axis])} + {term(other.dims[axis])}", *x.dims[axis + 1 :])
        builder.let(f"concat({x.name}, {other.name}, axis = {axis})", dims)
    elif chance < 0.6:
        dims = (*x.dims[:axis], f"{term(x.dims[axis])} * 2", *x.dims[axis + 1 :])
        builder.let(f"concat({x.name}, {x.name}, axis = {axis - len(x.dims)})", dims)
    elif chance < 0.8 and len(x.dims) < 4:
        dims = (*x.dims[:axis], "2", *x.dims[axis:])
        builder.let(f"stack({x.name}, {x.name}, axis = {axis})", dims)
    else:
        low_ends = [builder.chance.randint(0, 2) for _ in x.dims]
        high_ends = [builder.chance.randint(0, 2) for _ in x.dims]
        dims = tuple(
            size if low + high == 0 else f"{term(size)} + {low + high}"
            for size, low, high in zip(x.dims, low_ends, high_ends, strict=True)
        )
        shown = [f"[{', '.join(map(str, ends))}]" for ends in (low_ends, high_ends)]
        builder.let(f"pad({x.name}, before = {shown[0]}, after = {shown[1]})", dims)


def _slice(builder: Builder) -> None:
    x = builder.pick(1)
    axis = builder.chance.randrange(len(x.dims))
    size = term(x.dims[axis])
    number = builder.chance.randint(1, 3)
    other = builder.chance.choice(builder.names)
    forms = (
        (f"{number}:", f"max({size} - {number}, 0)"),
        (f":{number}", f"min({size}, {number})"),
        (f":-{number}", f"max({size} - {number}, 0)"),
        (f"-{number}:", f"min({size}, {number})"),
        ("::2", f"({size} + 1) // 2"),
        ("1::2", f"max({size}, 1) // 2"),
        (f":{term(size)} // 2", f"{term(size)} // 2"),
        (f"{term(size)} // 2:", f"{size} - {term(size)} // 2"),
        (f":{other}", f"min({size}, {other})"),
        (f"{other}:", f"max({size} - {other}, 0)"),
        (":", x.dims[axis]),
    )
    shown, dim = builder.chance.choice(forms)
    indices = [":"] * axis + [shown]
    if builder.chance.random() < 0.15 and axis == 0:
        builder.know(f"{size} >= {number}")
        indices, dim = [str(number - 1)], ""
    elif builder.chance.random() < 0.1:
        if axis != len(x.dims) - 1:
            return
        indices = ["...", shown]
    dims = (*x.dims[:axis], *([dim] if dim else []), *x.dims[axis + 1 :])
    builder.let(f"{x.name}[{', '.join(indices)}]", dims)


def _convolve(builder: Builder) -> None:
    x = builder.pick(3, 3)
    kernel, stride, padding = (builder.chance.randint(1, 3) for _ in range(3))
    dilation = builder.chance.choice((1, 1, 2))
    padding -= 1
    length = term(x.dims[2])
    needed = dilation * (kernel - 1) + 1 - 2 * padding
    if needed > 0:
        builder.know(f"{length} >= {needed}")
    places = f"({length} + {2 * padding} - {dilation * (kernel - 1)} - 1) // {stride} + 1"
    if builder.chance.random() < 0.5:
        channels = builder.dimension()
        weight = builder.parameter((channels, x.dims[1], str(kernel)))
        settings = f"stride = {stride}, padding = {padding}, dilation = {dilation}"
        builder.let(f"conv1d({x.name}, {weight.name}, {settings})", (x.dims[0], channels, places))
    elif 2 * padding <= kernel:
        places = f"({length} + {2 * padding} - {kernel}) // {stride} + 1"
        builder.know(f"{length} + {2 * padding} >= {kernel}")
        builder.let(f"avg_pool1d({x.name}, {kernel}, stride = {stride}, padding = {padding})", (*x.dims[:2], places))


def _gather(builder: Builder) -> None:
    x = builder.pick(1, 3)
    axis = builder.chance.randrange(len(x.dims))
    size = x.dims[axis]
    count = builder.dimension()
    if not size.isdigit():
        builder.know(f"{term(size)} >= 1")
    ids = builder.parameter((count,), "i64", f" within 0 .. {term(size)} - 1")
    dims = (*x.dims[:axis], count, *x.dims[axis + 1 :])
    builder.let(f"take({x.name}, {ids.name}, axis = {axis})", dims)


def _rank(builder: Builder) -> None:
    """Axes of size 1, repetition and reversal."""
    x = builder.pick(1, 3)
    axis = builder.chance.randrange(len(x.dims))
    other = builder.dimension()
    dims = x.dims
    forms = (
        (f"unsqueeze({x.name}, {axis})", (*dims[:axis], "1", *dims[axis:])),
        (f"flip({x.name}, axis = {axis})", dims),
        (f"roll({x.name}, 1, axis = {axis})", dims),
        (f"squeeze(sum({x.name}, axis = {axis}, keepdims = true), {axis})", dims[:axis] + dims[axis + 1 :]),
        (f"repeat({x.name}, 2, axis = {axis})", (*dims[:axis], f"{term(dims[axis])} * 2", *dims[axis + 1 :])),
        (f"expand({x.name}, {shape_text((other, *dims))})", (other, *dims)),
        (f"cumulative_sum({x.name}, axis = {axis})", dims),
        (f"flatten({x.name}, axis = {axis})", (*dims[:axis], " * ".join(map(term, dims[axis:])))),
        (f"{x.name} + zeros[f32]({shape_text(dims)})", dims),
    )
    expression, found = builder.chance.choice(forms)
    if len(found) <= 4:
        builder.let(expression, found)


def _loop(builder: Builder) -> None:
    x = builder.pick(1)
    h = builder.fresh("h")
    chance = builder.chance.random()
    if chance < 0.35:
        builder.lines += [f"var {h} = {x.name}", f"for i in range({builder.chance.randint(1, 3)}) {{"]
        builder.lines += [f"  {h} = relu({h}) * 0.5", "}"]
        builder.let(h, x.dims)
    elif chance < 0.6:
        builder.lines += [f"var {h} = {x.name}", "for i in range(2) {"]
        builder.lines += [f"  {h} = concat({h}, {x.name}, axis = 0)", "}"]
        builder.let(h, (f"{term(x.dims[0])} * 3", *x.dims[1:]))
    elif len(x.dims) >= 2 and any(letter.isalpha() for letter in x.dims[0]):
        builder.know(f"{term(x.dims[0])} >= 1")
        rest = ", ".join(x.dims[1:])
        builder.lines += [f"var {h} = zeros[f32](shape[{rest}])", f"for t in range({x.dims[0]}) {{"]
        collected = builder.fresh("c")
        builder.lines += [f"  {h} = {h} + {x.name}[t]", f"  collect {collected} = {h}", "}"]
        builder.let(collected if builder.chance.random() < 0.5 else h, x.dims)
        last = builder.lines[-1]
        if last.endswith(f"= {h}"):
            builder.variables[-1] = Variable(builder.variables[-1].name, x.dims[1:])
            builder.lines[-1] = f"let {builder.variables[-1].name} = {h}"


def _branch(builder: Builder) -> None:
    x = builder.pick(1)
    size = term(x.dims[0])
    chance = builder.chance.random()
    h = builder.fresh("h")
    if chance < 0.4:
        builder.let(f"if {size} >= 2 then {x.name} * 2.0 else {x.name}", x.dims)
    elif chance < 0.7:
        builder.lines += [f"var {h} = {x.name}", f"if {size} % 2 == 0 {{"]
        half = f"{term(size)} // 2"
        shape = shape_text((half, "2", *x.dims[1:]))
        builder.lines += [
            f"  let half = reshape({x.name}, {shape})",
            f"  {h} = reshape(half, {shape_text(x.dims)})",
            "}",
        ]
        builder.let(h, x.dims)
    else:
        builder.lines += [f"var {h} = {x.name}", f"if sum({x.name}) > 0.0 {{"]
        builder.lines += [f"  {h} = -{x.name}", "} else {", f"  {h} = {x.name} * 3.0", "}"]
        builder.let(h, x.dims)


def _weights(builder: Builder) -> None:
    if not builder.model:
        return
    x = builder.pick(2, 3)
    width = builder.dimension()
    name = builder.fresh("w")
    if builder.chance.random() < 0.5:
        builder.weights.append(f"sub {name} = Linear[{x.dims[-1]}, {width}]")
        builder.let(f"({name}({x.name} as float)) as f32", (*x.dims[:-1], width))
    else:
        builder.weights.append(f"param {name}: f32[{x.dims[-1]}, {width}] = normal(std = 0.02)")
        builder.let(f"{x.name} @ {name}", (*x.dims[:-1], width))


def _assertion(builder: Builder) -> None:
    """State a fact that follows from another."""
    name = builder.chance.choice(builder.names)
    builder.know(f"{name} % 4 == 0")
    builder.lines.append(f"assert {name} % 2 == 0")
    builder.lines.append(f"assert ({name} // 2) * 2 == {name}")


HALVES = """
fn halves[..S](x: f32[..S, N]) -> f32[..S, N // 2]
  where N % 2 == 0
{
  return x[..., :N // 2] + x[..., N // 2:]
}
"""

CHOSEN = """
fn chosen[flag: bool](x: f32[P, Q]) -> f32[if flag then P else Q, 2] {
  if flag {
    let rows = sum(x, axis = 1)
    return stack(rows, rows, axis = -1)
  }
  let columns = sum(x, axis = 0)
  return stack(columns, columns, axis = -1)
}
"""

WINDOWS = """
fn windows(x: f32[P, N], size: int, step: int = 1) -> f32[P, (N - size) // step + 1]
  where size >= 1, step >= 1, N >= size
{
  return avg_pool1d(x[:, none, :], size, stride = step)[:, 0]
}
"""

MASKED = """
fn masked(x: f32[..S, N], keep: bool[N]? = none) -> f32[..S, N] {
  return if keep == none then x else where(keep, x, 0.0)
}
"""

CONFIGURED = """
record Config {
  width: dim,
  parts: dim,
  deep: int = 2,
}

model Configured[c: Config](x: f32[..S, c.width]) -> f32[..S, c.parts, c.width // c.parts]
  where c.width % c.parts == 0
{
  param scale: f32[c.width] = ones
  var h = x
  for _ in range(c.deep) {
    h = relu(h * scale)
  }
  return reshape(h, shape[..S, c.parts, c.width // c.parts])
}
"""


def _library(builder: Builder) -> None:
    """Call a definition over packs, static arguments, an optional tensor or a configuration."""
    x = builder.pick(1, 3)
    last = x.dims[-1]
    match builder.chance.randrange(5):
        case 0:
            builder.library.add(HALVES)
            builder.know(f"{term(last)} % 2 == 0")
            builder.let(f"halves({x.name})", (*x.dims[:-1], f"{term(last)} // 2"))
        case 1 if len(x.dims) == 2:
            builder.library.add(CHOSEN)
            flag = builder.chance.random() < 0.5
            builder.let(f"chosen[{str(flag).lower()}]({x.name})", (x.dims[0 if flag else 1], "2"))
        case 2 if len(x.dims) == 2:
            builder.library.add(WINDOWS)
            size, step = builder.chance.randint(1, 3), builder.chance.randint(1, 3)
            builder.know(f"{term(last)} >= {size}")
            given = f"{size}, step = {step}" if step > 1 else str(size)
            builder.let(f"windows({x.name}, {given})", (x.dims[0], f"({term(last)} - {size}) // {step} + 1"))
        case 3:
            builder.library.add(MASKED)
            mask = "" if builder.chance.random() < 0.5 else f", {builder.parameter((last,), 'bool').name}"
            builder.let(f"masked({x.name}{mask})", x.dims)
        case 4 if builder.model:
            builder.library.add(CONFIGURED)
            parts = builder.chance.choice(("1", "2", "3"))
            builder.know(f"{term(last)} % {parts} == 0")
            name = builder.fresh("m")
            builder.weights.append(f"sub {name} = Configured[Config(width = {last}, parts = {parts})]")
            builder.let(f"{name}({x.name})", (*x.dims[:-1], parts, f"{term(last)} // {parts}"))
        case _:
            pass


MOVES: Sequence[Callable[[Builder], None]] = (
    _unary,
    _binary,
    _binary,
    _matmul,
    _matmul,
    _transpose,
    _reduction,
    _merge,
    _merge,
    _divide,
    _divide,
    _divide,
    _join,
    _join,
    _slice,
    _slice,
    _convolve,
    _gather,
    _rank,
    _loop,
    _branch,
    _weights,
    _assertion,
    _library,
    _library,
)
