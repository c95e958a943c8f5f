"""Tenuto's public face: `import tenuto`, and the command line of the same name in `cli/`.

It only asks and shows: meaning is made in `tenuto_analysis`. Importing it must cost nothing, because every start of the
command line does.
"""

__version__ = "0.1.0"
