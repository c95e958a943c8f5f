"""How the Markdown tests under tests/spec/editor ask the features of the editor, and show what they answer."""
