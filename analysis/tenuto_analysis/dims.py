"""CONTRACT (to be replaced by the real module; the names and signatures below stay)."""
