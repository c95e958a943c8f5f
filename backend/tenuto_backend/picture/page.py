"""One HTML page with all functions of a deploy: each opens and closes, and a call opens the function that it calls.

The page holds all that it needs: it loads nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape

from tenuto_analysis.graph import Call, Function, Graph, walk
from tenuto_backend.picture.layout import laid_out
from tenuto_backend.picture.scene import scene, title, type_text
from tenuto_backend.picture.svg import Locate, drawing, style

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 1.5rem; font: 15px/1.5 system-ui, sans-serif; background: #ffffff; color: #1c2028; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
code, summary { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
details { border: 1px solid #c4c9d2; border-radius: 6px; margin: .6rem 0; }
summary { padding: .5rem .8rem; cursor: pointer; font-size: 13px; overflow-wrap: anywhere; }
summary b { font-size: 14px; }
summary span { color: #4b5260; }
details > div { overflow: auto; padding: 0 .8rem .8rem; }
details p { max-width: 60rem; white-space: pre-line; margin: .2rem 0 .8rem; }
svg { display: block; }
button { font: inherit; font-size: 13px; padding: .15rem .6rem; cursor: pointer; }
@media (prefers-color-scheme: dark) {
  body { background: #14161a; color: #eef1f6; }
  details { border-color: #454b57; }
  summary span { color: #c3c9d4; }
}
"""

_SCRIPT = """
const functions = [...document.querySelectorAll("details")];
function show(hash) {
  const wanted = document.getElementById(hash.slice(1));
  if (wanted) { wanted.open = true; wanted.scrollIntoView(); }
}
addEventListener("hashchange", () => show(location.hash));
document.addEventListener("click", event => {
  const link = event.target.closest("a");
  if (link) setTimeout(() => show(link.getAttribute("href")));
});
document.getElementById("open").onclick = () => functions.forEach(item => { item.open = true; });
document.getElementById("close").onclick = () => functions.forEach(item => { item.open = false; });
show(location.hash);
"""


def page(graph: Graph, locate: Locate | None = None) -> str:
    """The page of a deploy: its entry first, and open; callers before what they call.

    With `locate`, which says where a place is, every node tells an editor where it comes from.
    """
    calls = Counter(id(node.function) for f in graph.functions for node in walk(f.body) if isinstance(node, Call))
    sections = (
        _section(graph, place, calls[id(function)], locate)
        for place, function in reversed([*enumerate(graph.functions)])
    )
    name = escape(graph.name)
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{name}</title>",
            f"<style>{_STYLE}{style()}</style></head><body>",
            f"<h1>deploy <code>{name}</code></h1>",
            '<p><button id="open">Open all</button> <button id="close">Close all</button></p>',
            *sections,
            f"<script>{_SCRIPT}</script></body></html>\n",
        )
    )


def _section(graph: Graph, place: int, calls: int, locate: Locate | None) -> str:
    function = graph.functions[place]
    drawn = scene(graph, function)
    is_open = " open" if function is graph.entry else ""
    facts = ", ".join(_facts(function, calls))
    doc = f"<p>{_prose(function.doc.strip())}</p>" if function.doc else ""
    return (
        f'<details id="function-{place}"{is_open}><summary><b>{escape(title(function))}</b>'
        f"{escape(_signature(function))} <span>{escape(facts)}</span></summary>"
        f"<div>{doc}{drawing(drawn, laid_out(drawn), '', links=True, locate=locate)}</div></details>"
    )


def _prose(text: str) -> str:
    """A doc comment, its code set as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _signature(function: Function) -> str:
    inputs = ", ".join(f"{ssa.name}: {type_text(ssa.type)}" for ssa in function.inputs)
    results = ", ".join(type_text(ssa.type) for ssa in function.results)
    return f"({inputs}) -> {results if len(function.results) == 1 else f'({results})'}"


def _facts(function: Function, calls: int) -> Iterator[str]:
    nodes = sum(1 for _ in walk(function.body))
    yield f"{nodes} {'node' if nodes == 1 else 'nodes'}"
    if function.weights:
        yield f"{len(function.weights)} {'weight' if len(function.weights) == 1 else 'weights'}"
    if calls:
        yield f"called {'once' if calls == 1 else f'{calls} times'}"
