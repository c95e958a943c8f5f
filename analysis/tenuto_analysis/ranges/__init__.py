"""Ranges of values in a deploy, and the numerical hazards that follow: intervals that round as the dtypes do.

`analysis.analyse(graph, weight_ranges)` gives an `Analysis`: `findings`, and `ranges`, which holds a `Range` for every
value of the graph by `id(ssa)`, joined over all calls. `range_.contains(number)` says whether an element may be
`number`; NaN is one where the range says so or is not known. `formats.py` rounds, `values.py` says what a range is,
`transfer/` what each primitive does to ranges (a table by family, whose names are those of `std`), `machine.py`
carries out functions, loops and branches, `forms.py` knows unstable formulas, `problems.py` tells what is found.

A value whose range nobody declared is unknown and raises nothing by itself.
"""
