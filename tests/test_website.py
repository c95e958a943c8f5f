"""The documentation site: it builds without a warning, its links arrive, and it fetches nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import tenuto
from tenuto.cli.main import COMMANDS
from tenuto_analysis.compat import override
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.modules import prelude, std_modules
from website.blocks import Links, dressed, linked, titled
from website.library import definitions
from website.links import led

ROOT = Path(__file__).parent.parent

# What makes a browser fetch something, by element; links in prose (`a`) are followed by people.
LINKS = Links(lambda rule: f"{rule}.html", {"relu": "std.html#relu"}.get)
FETCHING = {"img", "link", "script", "iframe", "source", "video", "audio", "object", "embed", "use", "form"}


class Reader(HTMLParser):
    """What a page offers as a target, where it leads, and what it makes a browser fetch."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src", "srcset", "data", "action", "xlink:href"):
                (self.fetched if tag in FETCHING else self.links).append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=None)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


@pytest.fixture(scope="module")
def readers(site: Path) -> dict[Path, Reader]:
    return {page: Reader(page) for page in sorted(site.rglob("*.html"))}


def test_every_link_leads_to_a_page_and_a_place_in_it(site: Path, readers: dict[Path, Reader]) -> None:
    astray = [
        f"{page.relative_to(site)}: {link}" for page, link in local_links(readers) if not arrives(page, link, readers)
    ]
    assert not astray


def local_links(readers: dict[Path, Reader]) -> Iterator[tuple[Path, str]]:
    """Links within the site. The page of a missing page is shown anywhere, so that its links are those of a server."""
    for page, reader in readers.items():
        if page.name != "404.html":
            yield from ((page, link) for link in [*reader.links, *reader.fetched] if not urlsplit(link).scheme)


def arrives(page: Path, link: str, readers: dict[Path, Reader]) -> bool:
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not parts.fragment or parts.fragment.startswith("__"):  # What the theme's script makes of it.
        return target.exists()
    return target in readers and unquote(parts.fragment) in readers[target].anchors


def test_a_page_fetches_nothing_from_elsewhere(site: Path, readers: dict[Path, Reader]) -> None:
    fetched = [(page.name, link) for page, reader in readers.items() for link in reader.fetched]
    assert fetched
    assert [(page, link) for page, link in fetched if urlsplit(link).scheme or link.startswith("//")] == []
    for style in site.rglob("*.css"):
        told = re.findall(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')]+)", style.read_text(encoding="utf-8"))
        assert not told, style.name
    for script in (site / "assets" / "javascripts").glob("*.js"):
        hosts = set(re.findall(r"[\"'`]https://([\w.-]+)", script.read_text(encoding="utf-8")))
        assert hosts <= {"clipboardjs.com"}, script.name  # It stands in a licence.


def test_links_to_other_hosts_are_well_formed(readers: dict[Path, Reader]) -> None:
    for page, reader in readers.items():
        for link in reader.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme == "https", f"{page.name}: {link}"
                assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), f"{page.name}: {link}"


def test_everything_has_its_page(site: Path, readers: dict[Path, Reader]) -> None:
    for rule in CATALOGUE:
        assert site / "rules" / f"{rule.rule}.html" in readers
    for command in COMMANDS:
        assert site / "commands" / f"{command}.html" in readers
    for module in std_modules():
        named = {node.name.text for node, _ in definitions(module)}
        assert named <= readers[site / "library" / f"std.{module}.html"].anchors
    assert {node.name.text for module in std_modules() for node, _ in definitions(module)} >= set(prelude())
    assert set(tenuto.__all__) <= readers[site / "python-names.html"].anchors
    for page in (ROOT / "tests" / "spec").rglob("*.md"):
        assert site / "manual" / page.relative_to(ROOT / "tests" / "spec").with_suffix(".html") in readers
    for example in (ROOT / "examples").glob("*.ten"):
        assert site / "examples" / f"{example.stem}.html" in readers


def test_the_search_knows_the_operators(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    places = {entry["location"] for entry in index["docs"]}
    assert {"library/std.softmax.html#softmax", "rules/dimension-mismatch.html"} <= places


def test_blocks_are_coloured_and_dressed(site: Path) -> None:
    page = (site / "language.html").read_text(encoding="utf-8")
    assert re.search(r'<div class="language-tenuto highlight" data-copy="[^"^]*"', page)
    assert re.search(r'<span class="kd?r?">fn</span>', page)
    assert '<span class="message">error[<a href="rules/dimension-mismatch.html">' in page
    guide = (site / "pytorch.html").read_text(encoding="utf-8")
    assert '<span class="filename">sentiment.ten</span>' in guide
    assert 'data-copy="tenuto check sentiment.ten"' in guide


def test_a_name_leads_to_the_library_unless_it_is_declared() -> None:
    line = '<span class="kd">let</span> y = <span class="nf">relu</span>(<span class="nf">mine</span>(x))'
    shown = f'<div class="language-tenuto highlight"><span id="__span-0-1">{line}\n</span></div>'
    page = dressed(shown, LINKS)
    assert '<a class="name" href="std.html#relu"><span class="nf">relu</span></a>(<span class="nf">mine</span>' in page
    own = shown.replace("let</span> y", "let</span> relu")
    assert "<a " not in dressed(own, LINKS)


def test_a_name_in_code_becomes_a_link_once() -> None:
    page = '<code>relu</code> <a href="x"><code>relu</code></a> <code>other</code> <h2><code>relu</code></h2>'
    link = '<a href="std.html#relu"><code>relu</code></a>'
    assert linked(page, LINKS.name) == f'{link} <a href="x"><code>relu</code></a> <code>other</code> <h2>{link}</h2>'


def test_a_link_between_files_becomes_one_between_pages() -> None:
    made = {"examples/mlp.ten": "examples/mlp.md", "docs/std.md": "std.md"}
    text = "[a](../examples/mlp.ten#x) `[b](c)` [`d`](../LICENSE) [e](missing.md) [f](https://semver.org) [g](std.md)"
    assert led(text, "tour/page.md", "docs", made) == (
        "[a](../examples/mlp.md#x) `[b](c)` `d` [e](missing.md) [f](https://semver.org) [g](../std.md)"
    )


def test_the_name_before_a_block_is_its_title() -> None:
    assert titled("`a.ten`:\n\n```tenuto\nx\n```\n") == '```tenuto title="a.ten"\nx\n```\n'
    assert titled("in\n`where`:\n\n```tenuto\nx\n```\n") == "in\n`where`:\n\n```tenuto\nx\n```\n"


def test_a_finding_leads_to_its_rule_and_is_not_copied() -> None:
    lines = ["let x = <b>1</b>", "  ^ error[unused-name]: `x` &lt; 1"]
    spans = "".join(f'<span id="__span-0-{i}">{line}\n</span>' for i, line in enumerate(lines))
    page = dressed(f'<div class="language-tenuto highlight"><pre>{spans}</pre></div>', LINKS)
    assert 'data-copy="let x = 1"' in page
    assert (
        '<span class="finding error">  ^ <span class="message">error[<a href="unused-name.html">unused-name</a>]'
        in page
    )
    assert "`x` &lt; 1" in page


def test_of_a_console_the_commands_are_copied_and_findings_are_links() -> None:
    lines = ["$ tenuto check", "a.ten:1:1: error[unused-name] `x`", "  |   ^^^", "$ tenuto fmt"]
    spans = "".join(f'<span id="__span-0-{i}">{line}\n</span>' for i, line in enumerate(lines))
    page = dressed(f'<div class="language-console highlight"><pre>{spans}</pre></div>', LINKS)
    assert 'data-copy="tenuto check\ntenuto fmt"' in page
    assert '<span class="finding error">a.ten:1:1: error[<a href="unused-name.html">unused-name</a>] `x`</span>' in page
    assert '<span class="finding error">  |   ^^^</span>' in page
