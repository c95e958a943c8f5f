"""The VS Code extension, packaged and put to use in the real editor. `tests/test_vscode.py` holds the tests."""
