"""Recurrent layers, loops, branches: step by step, from the layouts of ONNX."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import numpy_helper

from tests.onnx_suite.cases import Case
from tests.onnx_suite.saying import Said, Saying

LSTM_STEP = "let (n{t}, c{t}) = lstm_cell(x[{t}], {h}, {c}, wi, wh, bi, bh)"
PEEPHOLE_STEP = (
    "let g{t} = split(linear(x[{t}], w, bw) + linear({h}, r, br), 4, axis = -1) "
    "let i{t} = sigmoid(g{t}[0] + p[0] * {c}) let f{t} = sigmoid(g{t}[2] + p[2] * {c}) "
    "let c{t} = f{t} * {c} + i{t} * tanh(g{t}[3]) "
    "let n{t} = sigmoid(g{t}[1] + p[1] * c{t}) * tanh(c{t})"
)
GRU_STEP = (
    "let g{t} = split(linear(x[{t}], w, bw), 3, axis = -1) "
    "let u{t} = sigmoid(g{t}[0] + linear({h}, r[:{H}], br[:{H}])) "
    "let s{t} = sigmoid(g{t}[1] + linear({h}, r[{H}:{H2}], br[{H}:{H2}])) "
    "let d{t} = tanh(g{t}[2] + linear(s{t} * {h}, r[{H2}:], br[{H2}:])) "
    "let n{t} = (1.0 - u{t}) * d{t} + u{t} * {h}"
)
RNN_STEP = "let n{t} = rnn_cell(x[{t}], {h}, w, r, bw, br)"


def layer(gates: int, step: str) -> Saying:
    """One direction; the sequences are as long as the tensor."""

    def saying(case: Case) -> str:
        first = case.attribute("layout", 0)
        length, batch = (case.shape[1], case.shape[0]) if first else case.shape[:2]
        hidden = case.given(2).shape[-1]
        if case.has(4):
            assert all(int(n) == length for n in case.given(4))
        rows = gates * hidden
        bias = (f"x3[0][:{rows}]", f"x3[0][{rows}:]") if case.has(3) else (f"zeros[f32](shape[{rows}])",) * 2
        lines = [
            f"let x = {'permute(x0, (1, 0, 2))' if first else 'x0'}",
            f"let w = x1[0] let r = x2[0] let bw = {bias[0]} let br = {bias[1]}",
        ]
        if gates == 4 and case.has(7):
            lines.append("let p = split(x7[0], 3, axis = -1)")
        elif gates == 4:
            cuts = [f"{{0}}[{a * hidden}:{(a + 1) * hidden}]" for a in (0, 2, 3, 1)]
            for name, source in (("wi", "w"), ("wh", "r"), ("bi", "bw"), ("bh", "br")):
                lines.append(f"let {name} = concat({', '.join(cut.format(source) for cut in cuts)}, axis = 0)")
        nothing = f"zeros[f32](shape[{batch}, {hidden}])"
        h = "x5[0]" if case.has(5) else nothing
        c = "x6[0]" if gates == 4 and case.has(6) else nothing
        for t in range(length):
            how = PEEPHOLE_STEP if gates == 4 and case.has(7) else step
            lines.append(how.format(t=t, h=h, c=c, H=hidden, H2=2 * hidden))
            h, c = f"n{t}", f"c{t}"
        last = f"{h}[:, none]" if first else f"{h}[none]"
        if case.outputs[0] is None:
            return f"{' '.join(lines)} return {last}"
        steps = f"stack({', '.join(f'n{t}' for t in range(length))}, axis = {1 if first else 0})"
        whole = f"{steps}[:, :, none]" if first else f"{steps}[:, none]"
        return f"{' '.join(lines)} return ({whole}, {last})"

    return saying


def branch(case: Case) -> Said:
    weights = {}
    for name in ("then_branch", "else_branch"):
        (node,) = case.attribute(name).node
        weights[name] = numpy_helper.to_array(node.attribute[0].t)
    return Said("var y = else_branch if x0 { y = then_branch } return y", weights=weights)


def loop(case: Case) -> Said:
    """Each step adds one more row of a constant, and collects the sum."""
    (values,) = (
        numpy_helper.to_array(node.attribute[0].t)
        for node in case.attribute("body").node
        if node.op_type == "Constant" and node.attribute[0].t.dims == [int(case.given(0))]
    )
    steps = (
        "fn steps(rows: f32[N, 1], start: f32[1]) -> (f32[1], f32[N, 1]) "
        "{ var y = start for t in range(N) { y = y + rows[t] collect all_steps = y } return (y, all_steps) }\n"
    )
    return Said("steps(kept, x2)", weights={"kept": values[:, None]}, above=steps)


def scan(case: Case) -> Said:
    steps = (
        "fn steps(rows: f32[N, D], start: f32[D]) -> (f32[D], f32[N, D]) "
        "{ var s = start for t in range(N) { s = s + rows[t] collect sums = s } return (s, sums) }\n"
    )
    if len(case.inputs) == 2:
        return Said("steps(x1, x0)", above=steps)
    return Said(
        "let (s, sums) = steps(x2[0], x1[0]) return (s[none], sums[none])",
        above=steps,
    )


SAID: Mapping[str, Saying] = {
    "GRU": layer(3, GRU_STEP),
    "If": branch,
    "LSTM": layer(4, LSTM_STEP),
    "Loop": loop,
    "RNN": layer(1, RNN_STEP),
    "Scan": scan,
}
