"""The rules as a TextMate grammar, which VS Code and many others read, and its use in the fences of Markdown."""

from __future__ import annotations

import json

from tenuto_server.highlighting.rules import CONTENTS, Category, Inner, Rule, groups

_Json = dict[str, object]

_ORIGIN = "Written by tenuto_server.highlighting; CONTRIBUTING.md says how."


def grammar() -> str:
    contents = {inner.value: {"patterns": _includes(names)} for inner, names in CONTENTS.items()}
    rules = {name: {"patterns": [_pattern(rule) for rule in group]} for name, group in groups().items()}
    return _text(
        {
            "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
            "$comment": _ORIGIN,
            "name": "Tenuto",
            "scopeName": "source.tenuto",
            "fileTypes": ["ten"],
            "patterns": [{"include": f"#{Inner.FILE.value}"}],
            "repository": contents | rules,
        }
    )


def markdown() -> str:
    """What colours a fence that is marked as Tenuto."""
    line = {
        "begin": r"(^|\G)(\s*)(.*)",
        "while": r"(^|\G)(?!\s*([`~]{3,})\s*$)",
        "contentName": "meta.embedded.block.tenuto",
        "patterns": [{"include": "source.tenuto"}],
    }
    fence = {
        "name": "markup.fenced_code.block.markdown",
        "begin": r"(^|\G)(\s*)(`{3,}|~{3,})\s*(?i:(tenuto)(?:[\s,:{?][^`]*)?$)",
        "end": r"(^|\G)(\2|\s{0,3})(\3)\s*$",
        "beginCaptures": {
            "3": {"name": "punctuation.definition.markdown"},
            "4": {"name": "fenced_code.block.language.markdown"},
        },
        "endCaptures": {"3": {"name": "punctuation.definition.markdown"}},
        "patterns": [line],
    }
    return _text(
        {
            "$comment": _ORIGIN,
            "scopeName": "markdown.tenuto.codeblock",
            "injectionSelector": "L:text.html.markdown",
            "patterns": [fence],
        }
    )


def scope(category: Category) -> str:
    return f"{category.value.scope}.tenuto"


def _pattern(rule: Rule) -> _Json:
    captures: _Json = {}
    for number, piece in enumerate(rule.pieces, 1):
        capture: _Json = {}
        if piece.category is not None:
            capture["name"] = scope(piece.category)
        if piece.inner is not None:
            capture["patterns"] = [{"include": f"#{piece.inner.value}"}]
        if capture:
            captures[str(number)] = capture
    return {"match": rule.expression, "captures": captures}


def _includes(names: tuple[str, ...]) -> list[_Json]:
    return [{"include": f"#{name}"} for name in names]


def _text(content: _Json) -> str:
    return json.dumps(content, indent=2) + "\n"
