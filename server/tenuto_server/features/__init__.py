"""One editor feature a file: from the database, a file and an offset to plain data; no protocol types here."""
