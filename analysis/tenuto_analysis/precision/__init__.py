"""Which dtype each `float[...]` is, and why."""
