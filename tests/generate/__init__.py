"""Generators of programs, of inputs and of mutants for the oracles."""
