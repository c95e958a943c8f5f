"""What the analyzer says of the operators of the standard library."""

from __future__ import annotations

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database


def operator_page(name: str) -> str | None:
    """The documentation of an operator, in Markdown; None where `std` has no such name."""
    return model.explain_operator(Database(), name)


def operator_names() -> list[str]:
    return sorted(modules.prelude())
