"""What MkDocs calls: adds the pages that are made, fills in the navigation, dresses what the repository says."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page as SitePage

from website.blocks import Links, dressed, linked, titled
from website.examples import example_pages
from website.library import library_pages, pages_of_names
from website.links import led
from website.page import ROOT, Page
from website.python_names import python_pages
from website.repository import repository_pages
from website.rules import rule_pages

SOUGHT = ("library/", "rules/")  # Who looks for a name means an operator or a rule, not each page that mentions it.
OPERATORS = "onnx-operators.md"  # Elsewhere a word in code such as `where` may be no name of the library.
FOREIGN = ("https://unpkg.com/", "https://api.github.com/", "https://gitlab.com/")


def made_pages() -> Iterator[Page]:
    """Every page that is made."""
    yield from rule_pages()
    yield from library_pages()
    yield from python_pages()
    yield from example_pages()
    yield from repository_pages()


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {page.path: page for page in made_pages()}
    for page in pages.values():
        files.append(File.generated(config, page.path, content=page.text))
    config.extra["made"] = {page.origin: page.path for page in pages.values() if page.origin} | {
        f"docs/{file.src_uri}": file.src_uri for file in files.documentation_pages() if file.src_uri not in pages
    }
    config.extra["folders"] = {
        page.path: page.origin if (ROOT / page.origin).is_dir() else posixpath.dirname(page.origin)
        for page in pages.values()
    }
    paths = [file.src_uri for file in files.documentation_pages()]
    sections = {page.path: page.section for page in pages.values()}
    config.nav = [_filled(entry, paths, sections) for entry in config.nav or []]
    return files


def on_page_markdown(markdown: str, page: SitePage, config: MkDocsConfig, files: Files) -> str:
    path = page.file.src_uri
    if path.startswith(SOUGHT):
        page.meta["search"] = {"boost": 4}
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]
    folder = config.extra["folders"].get(path, posixpath.dirname(f"docs/{path}"))
    return titled(led(markdown, path, folder, config.extra["made"]))


def on_page_content(content: str, page: SitePage, config: MkDocsConfig, files: Files) -> str:
    def address(place: str | None) -> str | None:
        path, _, anchor = (place or "").partition("#")
        file = files.get_file_from_path(path)
        return None if file is None else file.url_relative_to(page.file) + (anchor and f"#{anchor}")

    names = pages_of_names()
    links = Links(lambda rule: address(f"rules/{rule}.md"), lambda name: address(names.get(name)))
    content = linked(dressed(content, links), links.rule)
    return linked(content, links.name) if page.file.src_uri == OPERATORS else content


def on_post_build(config: MkDocsConfig) -> None:
    """The theme's script could fetch from hosts whose parts the site does not use; now it cannot."""
    for script in (Path(config.site_dir) / "assets" / "javascripts").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for host in FOREIGN:
            text = text.replace(host, "about:blank#")
        script.write_text(text, encoding="utf-8")


def _filled(entry: Any, paths: list[str], sections: dict[str, str]) -> Any:
    """An entry of the navigation in which a name that ends in / stands for the pages of that folder."""
    match entry:
        case dict():
            return {title: _filled(below, paths, sections) for title, below in entry.items()}
        case list():
            return [_filled(item, paths, sections) for item in entry]
        case str() if entry.endswith("/"):
            return _folder(entry, paths, sections)
    return entry


def _folder(folder: str, paths: list[str], sections: dict[str, str]) -> list[Any]:
    """The index first, then what stands under no heading, then the headings in the order in which they come."""
    inside = [path for path in paths if path.startswith(folder)]
    index = f"{folder}index.md"
    entries: list[Any] = [index] if index in inside else []
    by_section: dict[str, list[str]] = {}
    for path in inside:
        if path != index:
            by_section.setdefault(sections.get(path, ""), []).append(path)
    entries += by_section.pop("", [])
    return entries + [{title: below} for title, below in by_section.items()]
