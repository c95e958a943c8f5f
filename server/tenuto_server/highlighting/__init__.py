"""Colours for where no server runs: one table of the tokens, and what writes it down for each kind of tool."""
