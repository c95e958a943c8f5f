"""StableHLO: a typed graph whose sizes are numbers, as the operations that XLA and other compilers of models take."""
