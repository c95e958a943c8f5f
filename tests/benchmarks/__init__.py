"""Measurements: each module `bench_NAME` prints a few figures when it is run. What must hold in any case is a test."""
