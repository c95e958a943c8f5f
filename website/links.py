"""Links between pages, written as links between files of the repository, so that they also lead somewhere in a viewer.

A page of docs/ links to `../examples/mlp.ten` or to a folder; on the site the link leads to the page that is made of
it. A file of the repository that no page is made of has nowhere to lead to: its name stays, the link goes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from website.page import ROOT

CODE = r"^(?P<fence> *```+).*?^(?P=fence)|`[^`\n]*`"
LINK = re.compile(
    rf"{CODE}|\[(?P<text>(?:`[^`\n]*`|[^\]\n]|\n(?!\n))*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)


def led(markdown: str, page: str, folder: str, made: Mapping[str, str]) -> str:
    """A page's text with its links for the site; they are relative to `folder`, `made` has the page of each file."""

    def lead(link: re.Match[str]) -> str:
        if link["target"] is None or "://" in link["target"]:
            return link[0]
        file = posixpath.normpath(posixpath.join(folder, link["target"]))
        if file in made:
            target = posixpath.relpath(made[file], posixpath.dirname(page) or ".")
            return f"[{link['text']}]({target}{link['anchor'] or ''})"
        inside = file.startswith("docs/") and not file.endswith(".md")
        return str(link["text"]) if not inside and (ROOT / file).exists() else link[0]

    return LINK.sub(lead, markdown)
