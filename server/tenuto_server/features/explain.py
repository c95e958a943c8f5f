"""The page of a rule, as Markdown."""

from __future__ import annotations

from tenuto.cli.pages import rule_page
from tenuto_server.settings import near, rule_names


def explained(rule: str) -> tuple[str | None, str]:
    """The page; where there is no such rule, None and the words for that."""
    page = rule_page(rule)
    return page, "" if page is not None else f"there is no rule `{rule}`{near(rule, rule_names())}"
