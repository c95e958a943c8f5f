"""From a checked deploy to its typed graph."""
