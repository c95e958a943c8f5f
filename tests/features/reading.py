"""What is shown beside the words of a program, and what is offered while it is typed."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.cost.liveness import peak_formulas
from tenuto_analysis.cost.measure import cost_of_declaration
from tenuto_analysis.cost.summary import Cost
from tenuto_analysis.elaborate.builder import Refusal
from tenuto_analysis.insight import questions
from tenuto_grammar import syntax
from tenuto_grammar.text import LineIndex, Span
from tenuto_server.features.code_lens import lenses, told
from tenuto_server.features.completion import completions
from tenuto_server.features.hover import hover
from tenuto_server.features.import_edits import import_edit
from tenuto_server.features.inlay_hints import inlay_hints
from tenuto_server.features.offers import Offer
from tenuto_server.features.semantic_tokens import MODIFIERS, semantic_tokens
from tenuto_server.features.signature_help import signature_help
from tenuto_server.reports import Edit
from tests.features.memory import MEMORY, applied, asked, others
from tests.markdown import Output, Program


def _hover(program: Program) -> str:
    workspace, file, here = asked(program)
    found = hover(workspace, file, here.start)
    if found is None:
        return "nothing"
    # Fences stand in a fence: their marks are written with `'`.
    text = found.markdown.replace("```tenuto\n", "'''\n").replace("```", "'''")
    return f"{workspace.text(file)[slice(*found.span)]}\n---\n{text}"


def _completion(program: Program) -> str:
    """The best of what is offered behind the carets: `+` fits there, `-` does not."""
    workspace, file, here = asked(program)
    found = completions(workspace, file, here.end, others(program, file))
    if found is None:
        return "nothing"
    lines = [f"replaces `{workspace.text(file)[slice(*found.span)]}`"]
    lines += [_offer(offer) for offer in found.offers[:_SHOWN]]
    more = len(found.offers) - _SHOWN
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


_SHOWN = 12


def _offer(offer: Offer) -> str:
    kind = offer.entity.kind.value if offer.entity is not None else "keyword"
    mark = {0: "+", 1: " ", 2: "-"}[offer.fit]
    snippet = f" inserts `{offer.snippet}`" if offer.snippet else ""
    return f"{mark} {offer.label} ({kind}) {offer.detail}".rstrip() + snippet


def _completed(program: Program) -> str:
    """The program after the best offer is taken, with the import that it adds."""
    workspace, file, here = asked(program)
    found = completions(workspace, file, here.end, others(program, file))
    assert found is not None
    word = workspace.text(file)[slice(*found.span)]
    best = next(offer for offer in found.offers if offer.label.startswith(word))
    edits = [Edit(*found.span, best.text)]
    if best.origin:
        edits.append(import_edit(workspace.database, file, best.origin, best.label))
    return applied(workspace.text(file), edits)


def _signature(program: Program) -> str:
    """The signature with the active parameter in marks; the cursor stands behind the carets."""
    workspace, file, here = asked(program)
    found = signature_help(workspace, file, here.end)
    if found is None:
        return "nothing"
    label = found.label
    if found.active is not None:
        start, end = found.parameters[found.active]
        label = f"{label[:start]}»{label[start:end]}«{label[end:]}"
    return f"{label}\n{found.documentation}".rstrip()


def _hints(program: Program) -> str:
    """The program with its hints: in `⟦⟧` what can be taken over into the source, in `⟪⟫` what cannot."""
    file = MEMORY.file(program)
    text = program.text
    for hint in reversed([*inlay_hints(MEMORY.workspace, file, Span(0, len(text)))]):
        left, right = "⟦⟧" if hint.insert is not None else "⟪⟫"
        text = f"{text[: hint.at]}{left}{hint.label}{right}{text[hint.at :]}"
    return text


def _tokens(program: Program) -> str:
    """Each word with its kind and its modifiers, line by line."""
    file = MEMORY.file(program)
    lines: dict[int, list[str]] = {}
    index = LineIndex(program.text)
    for token in semantic_tokens(MEMORY.workspace, file):
        names = [name for bit, name in enumerate(MODIFIERS) if token.modifiers & 1 << bit]
        word = program.text[slice(*token.span)]
        lines.setdefault(index.line(token.span.start), []).append(f"{word}: {' '.join([token.type.value, *names])}")
    return "\n".join(" | ".join(words) for words in lines.values())


def _lens(program: Program) -> str:
    """Each lens above the name that it is about."""
    file = MEMORY.file(program)
    found = lenses(MEMORY.workspace, file)
    return "\n".join(f"{lens.name}: {told(MEMORY.workspace, file, lens.name)}" for lens in found)


def _cost(program: Program) -> str:
    """What each deploy, and each model by itself, costs for all sizes."""
    file = MEMORY.file(program)
    MEMORY.workspace.load(file)
    db = MEMORY.workspace.database
    lines: list[str] = []
    for declared in questions.declarations(db, file):
        if isinstance(declared.node, syntax.Deploy | syntax.Definition):
            cost = cost_of_declaration(db, file, declared.key)
            lines += _cost_lines(declared.key, cost) if cost is not None else [f"{declared.key}: a mistake hides it"]
    return "\n".join(lines)


def _cost_lines(name: str, cost: Cost | Refusal) -> list[str]:
    if isinstance(cost, Refusal):
        return [f"{name}: not known: {cost.reason}"]
    return [
        f"{name}:",
        f"  parameters: {cost.parameters}",
        f"  FLOPs of products: {cost.work.products}",
        f"  FLOPs of others: {cost.work.others}",
        f"  bytes read: {cost.work.read}",
        f"  bytes written: {cost.work.written}",
        f"  activations: {', '.join(map(str, peak_formulas(cost.steps)))}",
    ]


OUTPUTS: Mapping[str, Output] = {
    "hover": _hover,
    "completion": _completion,
    "completed": _completed,
    "signature": _signature,
    "hints": _hints,
    "tokens": _tokens,
    "lens": _lens,
    "cost": _cost,
}
