"""The loop that runs the tables: tokens to a value, by whatever makes the values of the rules.

It is iterative, so nesting costs no stack of Python's; it measures how deep the value of each rule is, so that the
passes that recurse over a tree can be kept safe (`parse.py`). It stops where the tables have no action and says where;
the stack is then as it was at the mistake, and `recovery.py` may mend the tokens and let it go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from tenuto_grammar.lexer import Tokens
from tenuto_grammar.tables import APPEND, LEAF, NODE, PASS, UNIT, Rule, Tables
from tenuto_grammar.text import Span

# From the span and the children (for a leaf: its text) to a value.
Make = Callable[..., object]


@dataclass(slots=True)
class Stack:
    """Where the loop stands: in each list one entry for a symbol, above one for the bottom."""

    states: list[int]
    # The value at the bottom is what an absent optional part is read from.
    values: list[object] = field(default_factory=lambda: [None])
    firsts: list[int] = field(default_factory=lambda: [0])  # the token where the symbol begins
    depths: list[int] = field(default_factory=lambda: [0])
    too_deep: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Machine:
    """The tables, with what makes the value of each rule, and what stands for a value that is deeper than `deepest`."""

    tables: Tables
    reductions: tuple[_Reduction, ...]
    # Where a chain of unit rules leads, by (state below, state, terminal): found once, then remembered.
    chains: dict[tuple[int, int, int], int]
    deepest: int
    too_deep: Make


# length, target, kind, children from the values on the stack, make
_Reduction = tuple[int, int, int, Callable[[list[object]], tuple[object, ...]], Make]

# `advance` has accepted the tokens; the value is on top of the stack.
ACCEPTED = -1


def machine(tables: Tables, makers: Mapping[str, Make], deepest: int, too_deep: Make) -> Machine:
    reductions = tuple(
        (rule.length, rule.target, rule.kind, _children(rule), makers.get(rule.name, _no_value))
        for rule in tables.rules
    )
    return Machine(tables, reductions, {}, deepest, too_deep)


def begin(machine: Machine) -> Stack:
    return Stack([machine.tables.start])


def advance(machine: Machine, tokens: Tokens, stack: Stack, position: int) -> int:
    """Read tokens from `position` on; the position of the one that does not fit, or ACCEPTED."""
    action, goto, reductions, chains = machine.tables.action, machine.tables.goto, machine.reductions, machine.chains
    accept, deepest = machine.tables.accept, machine.deepest
    text, kinds, starts, ends = tokens.text, tokens.kinds, tokens.starts, tokens.ends
    states, values, firsts, depths = stack.states, stack.values, stack.firsts, stack.depths
    new_span: Callable[[type[Span], tuple[int, int]], Span] = tuple.__new__
    state = states[-1]
    kind = kinds[position]
    while True:
        step = action[state][kind]
        if step > 0:
            state = step - 1
            states.append(state)
            values.append(None)
            firsts.append(position)
            depths.append(0)
            position += 1
            kind = kinds[position]
            continue
        if step == 0:
            return ACCEPTED if state == accept and kind == 0 else position
        length, target, what, children, make = reductions[-step - 1]
        if what == UNIT:
            below = states[-2]
            chain = below, state, kind
            found = chains.get(chain)
            if found is None:
                found = chains[chain] = _end_of_chain(machine, chain)
            state = states[-1] = found
            continue
        if what == LEAF:
            first = firsts[-1]
            start, end = starts[first], ends[first]
            values[-1] = make(new_span(Span, (start, end)), text[start:end])
            depths[-1] = 1
            state = states[-1] = goto[states[-2]][target]
            continue
        if length == 0:
            end = ends[position - 1] if position else 0
            value = make(new_span(Span, (end, end)), *children(values))
            state = goto[state][target]
            states.append(state)
            values.append(value)
            firsts.append(position)
            depths.append(1)
            continue
        first = firsts[-length]
        depth = max(depths[-length:])
        if what == NODE:
            span = new_span(Span, (starts[first], ends[position - 1]))
            value = make(span, *children(values))
            depth += 1
            if depth > deepest:
                stack.too_deep.append(span)
                value = machine.too_deep(value)
                depth = 1
        elif what == APPEND:
            value, *items = children(values)
            assert isinstance(value, list)
            value.extend(items)
        elif what == PASS:
            (value,) = children(values)
        else:
            value = list(children(values))
        length -= 1
        if length:
            del states[-length:], values[-length:], firsts[-length:], depths[-length:]
        values[-1] = value
        depths[-1] = depth
        state = states[-1] = goto[states[-2]][target]


def _end_of_chain(machine: Machine, chain: tuple[int, int, int]) -> int:
    below, state, kind = chain
    while True:
        step = machine.tables.action[state][kind]
        if step >= 0 or machine.reductions[-step - 1][2] != UNIT:
            return state
        state = machine.tables.goto[below][machine.reductions[-step - 1][1]]


def _children(rule: Rule) -> Callable[[list[object]], tuple[object, ...]]:
    """What takes a rule's children off the stack."""
    # The list that a rule appends to is taken as it is.
    spread = rule.kind != APPEND and any(spread for _, spread in rule.children)
    offsets = [offset for offset, _ in rule.children]
    if spread:
        return _spreading(rule)
    match offsets:
        case []:
            return _no_children
        case [only]:
            return lambda values: (values[only],)
        case _:
            return itemgetter(*offsets)


def _no_children(_: list[object]) -> tuple[object, ...]:
    return ()


def _spreading(rule: Rule) -> Callable[[list[object]], tuple[object, ...]]:
    def children(values: list[object]) -> tuple[object, ...]:
        taken: list[object] = []
        for offset, spread in rule.children:
            value = values[offset]
            if spread:
                assert isinstance(value, list)
                taken.extend(value)
            else:
                taken.append(value)
        return tuple(taken)

    return children


def _no_value(*_: object) -> object:
    raise AssertionError("a rule that makes a node has no entry in the table of makers")
