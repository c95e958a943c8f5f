"""A page for each example: what it says of itself, its source, and the picture that `tenuto graph` draws of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import tenuto
from tenuto_backend.picture.page import page
from tenuto_grammar.parse import parse
from website.page import ROOT, Page

FOLDER = ROOT / "examples"


def example_pages() -> Iterator[Page]:
    yield Page("examples/index.md", "examples/README.md", (FOLDER / "README.md").read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.ten")):
        name, text = path.stem, path.read_text(encoding="utf-8")
        source = re.sub(r"\A(#!.*\n)+\n*", "", text)
        parts = [f"# {name}", parse(text).doc or "", f"`{path.name}`:\n\n```tenuto\n{source}```"]
        drawn = _picture(name, text)
        if drawn is not None:
            deploy, picture = drawn
            yield Page(f"examples/{name}.graph.html", "", picture)
            parts.append(
                f"## Its graph\n\nThe deploy `{deploy}`, as `tenuto graph` draws it; a click opens a function.\n\n"
                f'<iframe class="graph" src="{name}.graph.html" title="{deploy}" loading="lazy"></iframe>'
            )
        yield Page(f"examples/{name}.md", f"examples/{path.name}", "\n\n".join(parts) + "\n")


@cache
def _picture(name: str, text: str) -> tuple[str, str] | None:
    """The smallest deploy of a file, which is its last, and its picture; None where it cannot be built yet."""
    source = tenuto.load(FOLDER / f"{name}.ten")
    deploy = source.deploys[-1]
    try:
        return deploy, page(source.deploy(deploy).graph)
    except tenuto.ProgramError:
        return None
