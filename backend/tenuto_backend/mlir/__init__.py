"""The typed graph as MLIR text in upstream dialects, which compilers of several versions parse. Needs no compiler."""
