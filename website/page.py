"""A page that is made, not written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Page(NamedTuple):
    """A page of the site, made of a file or a folder of the repository: Markdown, or HTML that stays as it is.

    A link in any page of the project to `origin` leads to this page. Links in `text` are relative to where `origin` is,
    or, where it is a folder, to the folder itself. A page without an origin is shown inside of another.
    """

    path: str
    origin: str
    text: str
    section: str = ""  # The heading of the navigation under which the page stands.


def read(origin: str) -> str:
    return (ROOT / origin).read_text(encoding="utf-8")
