"""From text to syntax: tokens, declarations, trees, and the canonical layout. Nothing here knows what a program
means."""
