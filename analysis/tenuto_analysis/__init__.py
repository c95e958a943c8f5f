"""From syntax to meaning: pure queries over the texts of files. No IO, no back end, no editor protocol."""
