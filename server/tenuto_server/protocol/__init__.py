"""The Language Server Protocol: nothing outside this package knows lsprotocol and pygls."""
