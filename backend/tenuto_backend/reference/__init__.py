"""A NumPy meaning of Tenuto: the oracle for the checker and, later, for every back end.

It runs a definition straight from its syntax tree on real inputs and looks at nothing that the checker inferred: names
are resolved (`program.py`), declared types are matched against real shapes (`matching.py`), bodies are evaluated
(`expressions.py`, `statements.py`) and each `op` of the standard library is a NumPy function, by family
(`elementwise.py`, `reduce.py`, `linear.py`, ...). It is written to be right and easy to read, not to be fast, and it
infers no precision: `float[...]` is `f32`.
"""
