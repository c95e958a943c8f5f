"""Runs a deploy, or an artifact, on arrays: what comes in is held against its type before anything runs."""
