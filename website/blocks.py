"""Code blocks: their file's name as a title, names and findings that are links, and what the copy button takes.

A name of the standard library leads to its page, unless the block declares it itself. Below a line of a program the
manual writes what is found there: on the site such a line looks like what it is, its rule is a link, and it is not
copied. Of a console only the commands are copied.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple

NAMED = re.compile(r"(?:(?<=\n\n)|\A)`(?P<name>[\w./-]+)`:\n\n?```(?P<tag>\w+)\n")
BLOCK = re.compile(r'<div class="(?:language-(?P<tag>\w+) )?highlight">(?P<body>.*?)</div>', re.DOTALL)
LINE = re.compile(r'(?P<open><span id="__span-[\d-]+">)(?:<a [^>]*></a>)?(?P<body>.*?)\n</span>', re.DOTALL)
FINDING = re.compile(
    r"(?P<carets> *\^+) (?P<message>(?:(?P<severity>error|warning)\[(?P<rule>[a-z0-9-]+)\]|[a-z]+): .*)", re.DOTALL
)

TOLD = re.compile(r"\b(?P<severity>error|warning)\[(?P<rule>[a-z0-9-]+)\]")
POINTED = re.compile(r" *\| +\^+$")
WORD = re.compile(r"(<a [^>]*>)?<code>([\w-]+)</code>")
CALLED = re.compile(r'<span class="n[cf]">(\w+)</span>')
DECLARED = re.compile(r"\b(?:fn|model|op|record|type|const|sub|let|var|param) (\w+)")

Link = Callable[[str], str | None]


class Links(NamedTuple):
    """The addresses of pages: from the name of a rule, and from a name of the standard library."""

    rule: Link
    name: Link


def titled(markdown: str) -> str:
    """The name of a file before its block becomes the block's title."""
    return NAMED.sub(lambda block: f'```{block["tag"]} title="{block["name"]}"\n', markdown)


def dressed(page: str, links: Links) -> str:
    """The HTML of a page with its code blocks dressed."""
    return BLOCK.sub(lambda block: _block(block, links), page)


def linked(page: str, link: Link) -> str:
    """The HTML of a page in which a name in code that `link` knows, and that is no link yet, becomes one."""

    def word(found: re.Match[str]) -> str:
        address = None if found[1] else link(found[2])
        return found[0] if address is None else f'<a href="{address}"><code>{found[2]}</code></a>'

    return WORD.sub(word, page)


def _block(block: re.Match[str], links: Links) -> str:
    opening = block[0][: block.start("body") - block.start() - 1]
    lines = [_plain(line["body"]) for line in LINE.finditer(block["body"])]
    copied = html.escape("\n".join(_copied(block["tag"], lines)))
    line_of = _printed if block["tag"] == "console" else _line
    body = LINE.sub(lambda line: line_of(line, links.rule), block["body"])
    if block["tag"] == "tenuto":
        own = {name for line in lines for name in DECLARED.findall(line)}
        body = CALLED.sub(lambda called: called[0] if called[1] in own else _called(called, links.name), body)
    return f'{opening} data-copy="{copied}">{body}</div>'


def _copied(tag: str | None, lines: list[str]) -> list[str]:
    """What a reader wants of a block: programs without what is found in them, commands without what they print."""
    if tag == "console":
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    if tag == "pycon":
        return [line[len(">>> ") :] for line in lines if line.startswith((">>>", "..."))]
    return [line for line in lines if not FINDING.match(line)]


def _line(line: re.Match[str], link: Link) -> str:
    """A line of a program, or what is found in the line above."""
    text = _plain(line["body"])
    finding = FINDING.match(text)
    if finding is None:
        return line[0]
    kind = finding["severity"] or "answer"
    shown = f'{finding["carets"]} <span class="message">{_message(finding["message"], finding["rule"], link)}</span>'
    return f'{line["open"]}<span class="finding {kind}">{shown}</span></span>'


def _printed(line: re.Match[str], link: Link) -> str:
    """A line that a command prints: findings, and what points to their place, are marked."""
    text = _plain(line["body"])
    told = TOLD.search(text)
    if told is None and not POINTED.match(text):
        return line[0]
    kind, rule = (told["severity"], told["rule"]) if told is not None else ("error", None)
    return f'{line["open"]}<span class="finding {kind}">{_message(text, rule, link)}</span>\n</span>'


def _message(text: str, rule: str | None, link: Link) -> str:
    """A message in HTML; its rule is a link, where it names one that has a page."""
    shown = html.escape(text, quote=False)
    address = link(rule) if rule is not None else None
    return shown if address is None else shown.replace(f"[{rule}]", f'[<a href="{address}">{rule}</a>]', 1)


def _called(called: re.Match[str], link: Link) -> str:
    address = link(called[1])
    return called[0] if address is None else f'<a class="name" href="{address}">{called[0]}</a>'


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))
