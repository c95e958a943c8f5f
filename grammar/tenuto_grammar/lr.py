"""The loop that runs the tables: tokens to a value, by whatever makes the values of the rules.

It is iterative, so nesting costs no stack of Python's; it measures how deep the value of each rule is, so that the
passes that recurse over a tree can be kept safe (`parse.py`). It stops where the tables have no action and says where;
the stack is then as it was at the mistake, and `recovery.py` may mend the tokens and let it go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct, field

from tenuto_grammar.lexer import Tokens
from tenuto_grammar.tables import APPEND, LEAF, LIST, NODE, UNIT, Rule, Tables
from tenuto_grammar.text import Span

# From the span and the children (for a leaf: its text) to a value.
Make = Callable[..., object]


class Stack(Struct):
    """Where the loop stands: in each list one entry for a symbol, above one for the bottom."""

    states: list[int]
    # The value at the bottom is what an absent optional part is read from.
    values: list[object] = field(default_factory=lambda: [None])
    starts: list[int] = field(default_factory=lambda: [0])  # where the symbol begins in the text
    depths: list[int] = field(default_factory=lambda: [0])
    too_deep: list[Span] = field(default_factory=list)


# length, target, kind, children from the values on the stack, make
_Reduction = tuple[int, int, int, Callable[[list[object]], Sequence[object]], Make]


class Machine(Struct, frozen=True):
    """The tables, with what makes the value of each rule, and what stands for a value that is deeper than `deepest`.

    `settled[state][target][kind]` remembers where the loop stands once the nonterminal `target` is on top of `state`
    and every unit rule is done that the next terminal asks for, or is 0: the way from a name to an expression is one
    look-up.
    """

    tables: Tables
    reductions: tuple[_Reduction, ...]
    settled: tuple[dict[int, list[int]], ...]
    deepest: int
    too_deep: Make


# `advance` has accepted the tokens; the value is on top of the stack.
ACCEPTED = -1


def machine(tables: Tables, makers: Mapping[str, Make], deepest: int, too_deep: Make) -> Machine:
    reductions = tuple(
        (rule.length, rule.target, rule.kind, _children(rule), makers.get(rule.name, _no_value))
        for rule in tables.rules
    )
    unknown = [0] * len(tables.terminals)
    settled = tuple(dict.fromkeys(row, unknown) for row in tables.goto)
    return Machine(tables, reductions, settled, deepest, too_deep)


def begin(machine: Machine) -> Stack:
    return Stack([machine.tables.start])


def advance(machine: Machine, tokens: Tokens, stack: Stack, position: int) -> int:
    """Read tokens from `position` on; the position of the one that does not fit, or ACCEPTED."""
    action, reductions, settled = machine.tables.action, machine.reductions, machine.settled
    text, kinds, spans = tokens.text, tokens.kinds, tokens.spans
    states, values, starts, depths = stack.states, stack.values, stack.starts, stack.depths
    new_span: Callable[[type[Span], tuple[int, int]], Span] = tuple.__new__
    state = states[-1]
    end = spans[position - 1][1] if position else 0
    kind = kinds[position]
    while True:
        step = action[state][kind]
        if step > 0:
            start, end = token = spans[position]
            position += 1
            kind = kinds[position]
            starts.append(start)
            below, state = state, step - 1
            step = action[state][kind]
            if step < 0:
                _, target, what, _, make = reductions[-step - 1]
                if what == LEAF:
                    values.append(make(new_span(Span, token), text[start:end]))
                    depths.append(1)
                    states.append(state := settled[below][target][kind] or _settle(machine, below, target, kind))
                    continue
            values.append(None)
            depths.append(0)
            states.append(state)
            continue
        if step == 0:
            return ACCEPTED if state == machine.tables.accept and kind == 0 else position
        length, target, what, children, make = reductions[-step - 1]
        if length == 0:
            starts.append(end)
            values.append(make(new_span(Span, (end, end)), *children(values)))
            depths.append(1)
            states.append(state := settled[state][target][kind] or _settle(machine, state, target, kind))
            continue
        depth = max(depths[-length:])
        if what == NODE:
            span = new_span(Span, (starts[-length], end))
            value = make(span, *children(values))
            depth += 1
            if depth > machine.deepest:
                whole, value = value, machine.too_deep(value)
                if value is not whole:  # else it is cut at the next node above
                    stack.too_deep.append(span)
                    depth = 1
        elif what == APPEND:
            value, *items = children(values)
            assert isinstance(value, list)
            value.extend(items)
        elif what == LIST:
            value = list(children(values))
        elif what == LEAF:
            value = make(new_span(Span, (starts[-1], end)), text[starts[-1] : end])
            depth = 1
        else:
            (value,) = children(values)
        if length > 1:
            length -= 1
            del states[-length:], values[-length:], starts[-length:], depths[-length:]
        values[-1] = value
        depths[-1] = depth
        below = states[-2]
        state = states[-1] = settled[below][target][kind] or _settle(machine, below, target, kind)


def _settle(machine: Machine, below: int, target: int, kind: int) -> int:
    """The state after `target` on top of the state `below`, all unit rules done that the next terminal asks for."""
    action, goto = machine.tables.action, machine.tables.goto[below]
    state = goto[target]
    while (step := action[state][kind]) < 0 and machine.reductions[-step - 1][2] == UNIT:
        state = goto[machine.reductions[-step - 1][1]]
    settled = machine.settled[below]
    if not any(settled[target]):
        settled[target] = settled[target].copy()  # the row of zeros is shared
    settled[target][kind] = state
    return state


def _children(rule: Rule) -> Callable[[list[object]], Sequence[object]]:
    """What takes a rule's children off the stack, by the offsets that the tables give."""
    if rule.kind == APPEND:
        return itemgetter(*(offset for offset, _ in rule.children))  # the list that it appends to stays a list
    match rule.children:
        case []:
            return _no_children
        case [(only, False)]:
            return itemgetter(slice(only, only + 1 or None))
        case [(only, True)]:
            return itemgetter(only)
        case [(first, False), (rest, True)]:
            return lambda values: (values[first], *_list(values[rest]))
        case children if any(spread for _, spread in children):
            return lambda values: [child for offset, spread in children for child in _opened(values[offset], spread)]
        case children:
            return itemgetter(*(offset for offset, _ in children))


def _no_children(_: list[object]) -> Sequence[object]:
    return ()


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _opened(value: object, spread: bool) -> list[object]:
    return _list(value) if spread else [value]


def _no_value(*_: object) -> object:
    raise AssertionError("a rule that makes a node has no entry in the table of makers")
