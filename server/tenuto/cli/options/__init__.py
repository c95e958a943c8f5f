"""What may be said to the commands that need an extra: read, and shown by `--help`, before anything of it is loaded."""
