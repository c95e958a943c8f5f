"""The tables that Lark builds from the grammar, turned into plain data. The only module that imports Lark.

The syntax, its conflicts, its terminals and its tables are Lark's; only the loop that runs them is ours (`lr.py`). The
states are numbered anew, in the order in which a walk from the start meets them, so that one grammar gives one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lark import Lark
from lark.grammar import Rule as LarkRule
from lark.grammar import Symbol, Terminal
from lark.lexer import TerminalDef
from lark.parsers.lalr_analysis import IntParseTable, Shift

from tenuto_grammar.tables import ABSENT, APPEND, LEAF, LIST, NODE, PASS, UNIT, Child, Rule, Tables

# The terminals that no text matches; see the grammar.
DECLARED = ("MISSING", "BROKEN")


def make(grammar: str) -> Tables:
    """The tables of `grammar`; raises Lark's own error where the grammar has one."""
    lark = Lark(grammar, parser="lalr", start="declaration")
    table: IntParseTable = lark.parser.parser._parse_table
    ignored = [terminal for terminal in lark.terminals if terminal.name in lark.ignore_tokens]
    shown = [terminal for terminal in lark.terminals if terminal.name not in lark.ignore_tokens]
    terminals = ("$END", *(str(terminal.name) for terminal in shown), *DECLARED)
    keywords = _keywords(shown)
    number = {name: index for index, name in enumerate(terminals)}
    reserved = _reserved(shown, keywords)
    ordered = _in_matching_order(shown, keywords)
    nonterminals = tuple(dict.fromkeys(str(rule.origin.name) for rule in lark.rules))
    states = _states_in_order(table)
    rules = {rule: index for index, rule in enumerate(lark.rules)}
    action = [[0] * len(terminals) for _ in states]
    goto: list[dict[int, int]] = [{} for _ in states]
    for old, new in states.items():
        for symbol, (kind, argument) in table.states[old].items():
            if symbol not in number:
                goto[new][nonterminals.index(symbol)] = states[argument]
            elif kind is Shift:
                action[new][number[symbol]] = states[argument] + 1
            else:
                action[new][number[symbol]] = -rules[argument] - 1
        _let_keywords_be_names(action[new], number, keywords.values(), reserved)
    spelling = {str(terminal.name): str(terminal.pattern.value) for terminal in shown if terminal.pattern.type == "str"}
    return Tables(
        terminals=terminals,
        spellings=tuple(spelling.get(name, "") for name in terminals),
        keywords={word: number[name] for word, name in keywords.items()},
        reserved=tuple(number[name] for name in reserved),
        skipped="|".join(terminal.pattern.to_regexp() for terminal in ignored),
        patterns=tuple(terminal.pattern.to_regexp() for terminal in ordered),
        ordered=tuple(number[terminal.name] for terminal in ordered),
        rules=tuple(_rule(rule, nonterminals) for rule in lark.rules),
        nonterminals=nonterminals,
        action=action,
        goto=goto,
        start=states[table.start_states["declaration"]],
        accept=states[table.end_states["declaration"]],
    )


# ---------------------------------------------------------------------------------------------------------- terminals


def _keywords(terminals: list[TerminalDef]) -> dict[str, str]:
    """From a word to its terminal, for the terminals that are words."""
    word = re.compile(_named(terminals, "FIELD").pattern.to_regexp())
    return {
        str(terminal.pattern.value): str(terminal.name)
        for terminal in terminals
        if terminal.pattern.type == "str" and word.fullmatch(terminal.pattern.value)
    }


def _reserved(terminals: list[TerminalDef], keywords: Mapping[str, str]) -> list[str]:
    name = re.compile(_named(terminals, "NAME").pattern.to_regexp())
    return [terminal for word, terminal in keywords.items() if not name.fullmatch(word)]


def _in_matching_order(terminals: list[TerminalDef], keywords: Mapping[str, str]) -> list[TerminalDef]:
    """What the master expression tries, first match first: words, then as Lark orders its own.

    A word is matched by FIELD alone; which keyword it is, or a name, is decided by the dictionary and the parser's
    state.
    """
    words = {"NAME", "FIELD", *keywords.values()}
    rest = [terminal for terminal in terminals if terminal.name not in words]
    rest.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    ordered = [_named(terminals, "FIELD"), *rest]
    for terminal in ordered:
        # The master expression tells the terminals apart by their groups, so they may have none of their own.
        assert re.compile(terminal.pattern.to_regexp()).groups == 0, terminal
    return ordered


def _named(terminals: list[TerminalDef], name: str) -> TerminalDef:
    return next(terminal for terminal in terminals if terminal.name == name)


# ------------------------------------------------------------------------------------------------------------- states


def _states_in_order(table: IntParseTable) -> dict[int, int]:
    """From Lark's number of a state to ours."""
    found = {table.start_states["declaration"]: 0}
    waiting = list(found)
    for state in waiting:
        row = table.states[state]
        for symbol in sorted(row):
            kind, argument = row[symbol]
            if kind is Shift and argument not in found:
                found[argument] = len(found)
                waiting.append(argument)
    return found


def _let_keywords_be_names(
    row: list[int], number: Mapping[str, int], keywords: Iterable[str], reserved: Iterable[str]
) -> None:
    field = row[number["FIELD"]]
    name = row[number["NAME"]] or field
    row[number["NAME"]] = name
    for keyword in keywords:
        if row[number[keyword]] == 0:
            row[number[keyword]] = field if keyword in reserved else name


# -------------------------------------------------------------------------------------------------------------- rules


def _rule(rule: LarkRule, nonterminals: tuple[str, ...]) -> Rule:
    children = _children(rule)
    name = str(rule.alias or rule.origin.name)
    kind = _kind(rule, children)
    if kind == NODE:
        for symbol in rule.expansion:
            # The form that the grammar promises: a terminal that carries text stands alone in its rule.
            assert not _keeps_text(symbol), f"{rule}: `{symbol.name}` needs a rule of its own"
    return Rule(name, nonterminals.index(rule.origin.name), len(rule.expansion), kind, children)


def _kind(rule: LarkRule, children: tuple[Child, ...]) -> int:
    length = len(rule.expansion)
    plain = all(offset != ABSENT and not spread for offset, spread in children)
    if rule.origin.name.startswith("_"):
        return APPEND if children[0] == (-length, True) else LIST
    if rule.options.expand1 and not rule.alias and len(children) == 1 and plain:
        return UNIT if length == 1 else PASS
    if length == 1 and len(children) == 1 and rule.expansion[0].is_term:
        return LEAF
    return NODE


def _children(rule: LarkRule) -> tuple[Child, ...]:
    """What Lark's own tree builder would keep: no filtered tokens, `None` for optional parts, helper rules opened."""
    length = len(rule.expansion)
    absent = _absent_before(rule)
    children: list[Child] = []
    for index, symbol in enumerate(rule.expansion):
        children.extend([(ABSENT, False)] * absent[index])
        if rule.options.keep_all_tokens or not symbol.is_term or _keeps_text(symbol):
            children.append((index - length, not symbol.is_term and symbol.name.startswith("_")))
    children.extend([(ABSENT, False)] * absent[length])
    return tuple(children)


def _keeps_text(symbol: Symbol) -> bool:
    return isinstance(symbol, Terminal) and not symbol.filter_out


def _absent_before(rule: LarkRule) -> list[int]:
    """How many optional children are left out before each symbol of this alternative, and after the last."""
    counts = [0]
    for is_absent in rule.options.empty_indices or [False] * len(rule.expansion):
        if is_absent:
            counts[-1] += 1
        else:
            counts.append(0)
    return counts
