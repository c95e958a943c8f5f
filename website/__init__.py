"""The documentation site beyond what is written in docs/: pages made of the project's own files when it is built.

MkDocs runs `hook.py`. A module here makes the pages of one kind (`rules.py`, `library.py`, ...), each from the text
that is the truth: the pages that `tenuto explain` prints, the declarations of the standard library, docstrings. What is
made is not kept.
"""
