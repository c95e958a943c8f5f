"""The one exception of the command line."""


class Misuse(Exception):
    """The command was called in a way that cannot work; the text says why, for whoever called it."""
