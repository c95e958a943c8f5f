"""The pages that explain rules: Markdown files, one a rule, shipped with what they explain."""

from __future__ import annotations

import os

import tenuto_analysis
from tenuto_server.settings import rule_names


def rule_page(rule: str) -> str | None:
    """The page of a rule, or None where there is no such rule."""
    if rule not in rule_names():
        return None
    folder = os.path.join(tenuto_analysis.__path__[0], "diagnostics", "explain")
    with open(os.path.join(folder, f"{rule}.md"), encoding="utf-8") as opened:
        return opened.read()
