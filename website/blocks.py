"""Code blocks: their file's name as a title, findings that lead to their rule, and what the copy button takes.

Below a line of a program the manual writes what is found there. On the site such a line looks like what it is, its rule
is a link, and it is not copied; of a console only the commands are copied.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

NAMED = re.compile(r"(?:(?<=\n\n)|\A)`(?P<name>[\w./-]+)`:\n\n?```(?P<tag>\w+)\n")
BLOCK = re.compile(r'<div class="(?:language-(?P<tag>\w+) )?highlight">(?P<body>.*?)</div>', re.DOTALL)
LINE = re.compile(r'(?P<open><span id="__span-[\d-]+">)(?:<a [^>]*></a>)?(?P<body>.*?)\n</span>', re.DOTALL)
FINDING = re.compile(
    r"(?P<carets> *\^+) (?P<message>(?:(?P<severity>error|warning)\[(?P<rule>[a-z0-9-]+)\]|[a-z]+): .*)", re.DOTALL
)

RuleLink = Callable[[str], str | None]  # From the name of a rule to the address of its page.


def titled(markdown: str) -> str:
    """The name of a file before its block becomes the block's title."""
    return NAMED.sub(lambda block: f'```{block["tag"]} title="{block["name"]}"\n', markdown)


def dressed(page: str, link: RuleLink) -> str:
    """The HTML of a page with its code blocks dressed."""
    return BLOCK.sub(lambda block: _block(block, link), page)


def _block(block: re.Match[str], link: RuleLink) -> str:
    opening = block[0][: block.start("body") - block.start() - 1]
    lines = [_plain(line["body"]) for line in LINE.finditer(block["body"])]
    copied = html.escape("\n".join(_copied(block["tag"], lines)))
    body = LINE.sub(lambda line: _line(line, link), block["body"])
    return f'{opening} data-copy="{copied}">{body}</div>'


def _copied(tag: str | None, lines: list[str]) -> list[str]:
    """What a reader wants of a block: programs without what is found in them, commands without what they print."""
    if tag == "console":
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    if tag == "pycon":
        return [line[len(">>> ") :] for line in lines if line.startswith((">>>", "..."))]
    return [line for line in lines if not FINDING.match(line)]


def _line(line: re.Match[str], link: RuleLink) -> str:
    text = _plain(line["body"])
    finding = FINDING.match(text)
    if finding is None:
        return line[0]
    kind = finding["severity"] or "answer"
    message = html.escape(finding["message"], quote=False)
    address = link(finding["rule"]) if finding["rule"] else None
    if address is not None:
        message = message.replace(f"[{finding['rule']}]", f'[<a href="{address}">{finding["rule"]}</a>]', 1)
    shown = f'{finding["carets"]} <span class="message">{message}</span>'
    return f'{line["open"]}<span class="finding {kind}">{shown}</span></span>'


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))
