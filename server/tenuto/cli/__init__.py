"""The command line: one module a command, each with its own options; `main.py` chooses."""
