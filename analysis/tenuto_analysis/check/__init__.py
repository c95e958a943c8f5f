"""The checker, one file a syntactic noun: annotations, signatures, expressions, calls, statements, definitions."""

from tenuto_analysis.check import queries

__all__ = ["queries"]  # The modules here need each other: this one is loaded first, whichever is asked for.
