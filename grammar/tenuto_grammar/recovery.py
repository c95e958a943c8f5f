"""What the parser does at a mistake: report it once, where it is, and mend the tokens so that the rest is read as
meant.

Three means, in this order. A habit from another language is known by its look (`habits.py`). Braces that do not match
are set right by the indentation. Everything else is the cheapest change of the tokens at the mistake, leaving some out
and putting some in, after which the text that follows parses again: the tables say what may stand where, so nothing
here repeats the grammar. Tokens that are put in are empty, and MISSING among them makes a `Missing` node.
"""

from __future__ import annotations

import heapq
from itertools import count

from msgspec import Struct

from tenuto_grammar import lr
from tenuto_grammar.braces import mend_braces
from tenuto_grammar.habits import mend_habit
from tenuto_grammar.lexer import END, Tokens
from tenuto_grammar.lr import Machine
from tenuto_grammar.problems import ProblemKind, SyntaxProblem
from tenuto_grammar.stray import begins_column_0, stray_text
from tenuto_grammar.tables import Tables
from tenuto_grammar.terminals import Terminals, terminals
from tenuto_grammar.text import Span
from tenuto_grammar.wording import describe

# So many mends are made in one declaration; the rest of one that needs more is left out.
_MOST_MENDS = 60
# Starting over costs what the declaration costs, so it is done for this many tokens in all, at most.
_MOST_READ_AGAIN = 200_000
# A stack that high is nested too deeply to try changes on.
_HIGHEST_STACK = 1000


def recover(machine: Machine, tokens: Tokens, stopped: int, stack: lr.Stack) -> object | None:
    """Go on from where the loop stopped; the value of the whole, or None where nothing can be made of it.

    `tokens` is changed: what is put in, left out or replaced there is what was read, and the problems say so.
    """
    names = terminals(machine.tables)
    read_again = 0
    for _ in range(_MOST_MENDS):
        if begins_column_0(tokens, stopped):
            tokens.problems.append(stray_text(tokens, stopped))
            del tokens.kinds[stopped:-1], tokens.spans[stopped:-1]
            stopped = lr.advance(machine, tokens, stack, stopped)
            if stopped == lr.ACCEPTED:
                return stack.values[-1]
        if len(stack.states) > _HIGHEST_STACK:
            break
        problem = None
        if read_again <= _MOST_READ_AGAIN:
            problem = mend_habit(names, tokens, stopped, stack.states)
            if problem is None and _braces_are_in_doubt(machine.tables, tokens, stopped, stack.states):
                problem = mend_braces(names, tokens)
        if problem is not None:
            read_again += len(tokens.kinds)
            stack = lr.begin(machine)
            stopped = 0
        else:
            problem = _mend_here(machine.tables, names, tokens, stopped, stack.states)
        if problem is None:
            break
        tokens.problems.append(problem)
        stopped = lr.advance(machine, tokens, stack, stopped)
        if stopped == lr.ACCEPTED:
            return stack.values[-1]
    tokens.problems.append(_given_up(tokens, stopped))
    return None


def _given_up(tokens: Tokens, stopped: int) -> SyntaxProblem:
    start, end = tokens.spans[min(stopped, len(tokens.spans) - 1)]
    return SyntaxProblem(Span(start, end), ProblemKind.STRAY_TEXT, "from here on, this declaration could not be read")


def _braces_are_in_doubt(tables: Tables, tokens: Tokens, stopped: int, states: list[int]) -> bool:
    """At the end, with something open, or after a declaration that is complete too early."""
    return tokens.kinds[stopped] == END or _reach(tables, tuple(states), [END]) == _LOOK_AHEAD


# ------------------------------------------------------------------------------------------------ the cheapest change


class _Change(Struct, frozen=True):
    """Leave out `dropped` tokens, then put `added` in their place."""

    dropped: int
    added: tuple[int, ...]


# After a change, so many tokens must parse. One after which not all that is looked at parses costs more for each that
# is not reached: it only moves the mistake.
_MUST_REACH = 4
_LOOK_AHEAD = 14
_PRICE_OF_STOPPING = 0.15
_MOST_TRIED = 500


def _mend_here(
    tables: Tables, names: Terminals, tokens: Tokens, stopped: int, states: list[int]
) -> SyntaxProblem | None:
    change = _cheapest_change(tables, names, tokens, stopped, states)
    if change is None and tokens.kinds[stopped] == END:
        return None
    change = change or _skip(names, tokens, stopped)
    problem = describe(names, tokens, stopped, change.dropped, change.added, tables.action[states[-1]])
    end = tokens.spans[stopped - 1][1] if stopped else 0
    empty = (end, end)
    tokens.kinds[stopped : stopped + change.dropped] = change.added
    tokens.spans[stopped : stopped + change.dropped] = [empty] * len(change.added)
    return problem


def _skip(names: Terminals, tokens: Tokens, stopped: int) -> _Change:
    """To the next place where reading may go on: a statement's keyword, a brace, or the end."""
    position = stopped + 1
    while tokens.kinds[position] != END and tokens.kinds[position] not in names.landmarks:
        position += 1
    return _Change(position - stopped, ())


def _cheapest_change(
    tables: Tables, names: Terminals, tokens: Tokens, stopped: int, states: list[int]
) -> _Change | None:
    """By uniform cost search over what is left out, then put in."""
    ahead = tokens.kinds[stopped : stopped + 60]
    order = count()
    # The price, how much is left out, what is put in, and the states before the last of that: it is read when its turn
    # has come, as most never have one.
    waiting: list[tuple[float, int, int, tuple[int, ...], tuple[int, ...]]] = [(0.0, next(order), 0, (), tuple(states))]
    best: _Change | None = None
    limit = float("inf")
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for _ in range(_MOST_TRIED):
        if not waiting:
            break
        cost, _, dropped, added, before = heapq.heappop(waiting)
        if cost >= limit:
            break
        stack = _fed(tables, before, added[-1]) if added else before
        if stack is None or (dropped, stack) in seen:
            continue
        seen.add((dropped, stack))
        if cost > 0:
            reached = _reach(tables, stack, ahead[dropped : dropped + _LOOK_AHEAD])
            if 0 < reached < _MUST_REACH and _begins_statement(tables, names, tokens, stopped + dropped, stack):
                reached = _MUST_REACH  # the line may hold a mistake of its own
            price = cost + _PRICE_OF_STOPPING * (_LOOK_AHEAD - reached)
            if reached >= min(_MUST_REACH, len(ahead) - dropped) and price < limit:
                best, limit = _Change(dropped, added), price
        if not added and dropped < len(ahead) - 1 and ahead[dropped] != END:
            price = _price_of_dropping(names, tokens, stopped + dropped, dropped > 0)
            heapq.heappush(waiting, (cost + price, next(order), dropped + 1, (), stack))
        if len(added) < _MOST_ADDED:
            row = tables.action[stack[-1]]
            for terminal, price in names.insertable:
                total = cost + price + _PRICE_OF_BOTH * dropped
                if row[terminal] != 0 and total < limit:
                    heapq.heappush(waiting, (total, next(order), dropped, (*added, terminal), stack))
    return best


_MOST_ADDED = 8
# Putting something in costs a little more for each token that is left out as well.
_PRICE_OF_BOTH = 0.1


def _begins_statement(tables: Tables, names: Terminals, tokens: Tokens, position: int, states: tuple[int, ...]) -> bool:
    """Whether a statement may begin here, and the line does."""
    gap = tokens.text[tokens.spans[position - 1][1] : tokens.spans[position][0]] if position else ""
    return ("\n" in gap or "\r" in gap) and _fed(tables, states, names.number["let"]) is not None


def _price_of_dropping(names: Terminals, tokens: Tokens, position: int, is_further: bool) -> float:
    kind = tokens.kinds[position]
    start, end = tokens.spans[position]
    text = tokens.text
    if position and text[start:end] == text[slice(*tokens.spans[position - 1])] and end > start:
        return 0.6  # written twice
    if kind in names.landmarks:
        return 4.0
    begins_line = position > 0 and "\n" in text[tokens.spans[position - 1][1] : start]
    return (0.8 if is_further else 1.6) + (1.5 if begins_line else 0.0)


def _fed(tables: Tables, states: tuple[int, ...], terminal: int) -> tuple[int, ...] | None:
    """The states after one more terminal; None where it does not fit."""
    stack = list(states)
    return tuple(stack) if _feed(tables, stack, terminal) else None


def _reach(tables: Tables, states: tuple[int, ...], kinds: list[int]) -> int:
    """How many of the tokens are read from these states; reading the end counts as reaching far."""
    stack = list(states)
    for reached, kind in enumerate(kinds):
        if not _feed(tables, stack, kind):
            return _LOOK_AHEAD if kind == END and stack[-1] == tables.accept else reached
    return len(kinds)


def _feed(tables: Tables, stack: list[int], terminal: int) -> bool:
    while True:
        step = tables.action[stack[-1]][terminal]
        if step > 0:
            stack.append(step - 1)
            return True
        if step == 0:
            return False
        rule = tables.rules[-step - 1]
        if rule.length:
            del stack[-rule.length :]
        stack.append(tables.goto[stack[-1]][rule.target])
