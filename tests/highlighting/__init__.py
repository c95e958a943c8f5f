"""What the highlighting of each tool is compared with: the tokens of the grammar."""
