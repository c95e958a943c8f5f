"""What each primitive does to ranges: one file a family, and the table of all."""
