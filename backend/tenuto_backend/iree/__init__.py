"""Modules of MLIR made into machine code by IREE, and run: each compiler and each run in a process of its own."""
