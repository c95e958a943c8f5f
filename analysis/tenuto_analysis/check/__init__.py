"""The checker, one file a syntactic noun: annotations, signatures, expressions, calls, statements, definitions."""
