"""The language server: features that answer in plain data, and the two modules that speak the protocol."""
