"""Editors other than VS Code and Neovim, had from Debian's archive and used without a person."""
