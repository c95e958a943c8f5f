"""`tenuto explain`: the page of a rule or of an operator; without a name, the list of all rules."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib import import_module

from tenuto.cli.misuse import Misuse
from tenuto.cli.pages import rule_page
from tenuto.cli.terminal import Painter, Style, wants_color
from tenuto_server.settings import near, rule_names


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tenuto explain", description="Explain a rule or an operator.")
    parser.add_argument("name", nargs="?", metavar="RULE|OPERATOR", help="left out, all rules are listed")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto", help="default: auto")
    read = parser.parse_args(arguments)
    color = wants_color(read.color)
    sys.stdout.write(_all_rules(color) if read.name is None else _page(read.name, color))
    return 0


def _page(name: str, color: bool) -> str:
    page = rule_page(name) or import_module("tenuto.cli.operators").operator_page(name)
    if page is None:
        names = [*rule_names(), *import_module("tenuto.cli.operators").operator_names()]
        raise Misuse(f"there is no rule and no operator `{name}` (`tenuto explain` lists the rules){near(name, names)}")
    return "\n".join(_painted(page.rstrip("\n"), Painter(color))) + "\n" if color else page.rstrip("\n") + "\n"


def _all_rules(color: bool) -> str:
    paint = Painter(color)
    names = rule_names()
    width = max(map(len, names))
    return "".join(f"{paint(Style.STRONG, name.ljust(width))}  {summary(name)}\n" for name in names)


def summary(rule: str) -> str:
    """What the page begins with below its title."""
    paragraphs = (rule_page(rule) or "").split("\n\n")
    return first_sentence(paragraphs[1]) if len(paragraphs) > 1 else ""


def first_sentence(prose: str) -> str:
    """Up to the first stop or colon; those inside of code are none."""
    found = re.match(r"(?:`[^`]*`|[^`])*?(?=[.:](?: |$)|$)", " ".join(prose.split()))
    return found[0] if found else ""


def _painted(page: str, paint: Painter) -> Iterator[str]:
    """Markdown for a terminal: titles strong, code coloured, the fences left out."""
    in_code = False
    for line in page.split("\n"):
        if line.startswith("```"):
            in_code = not in_code
        elif in_code:
            style = Style.ERROR if line.lstrip().startswith("^") else Style.HINT
            yield f"    {paint(style, line)}"
        elif line.startswith("#"):
            yield paint(Style.STRONG, line.lstrip("# "))
        else:
            yield re.sub(r"`([^`]+)`", lambda code: paint(Style.HINT, code[1]), line)
