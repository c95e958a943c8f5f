"""Documents are named by URIs there and by paths here."""

from __future__ import annotations

from pygls.uris import from_fs_path, to_fs_path


def file_of(uri: str) -> str:
    """The path of a document; one that is in no file keeps its URI as its name."""
    return to_fs_path(uri) or uri if uri.startswith("file:") else uri


def uri_of(file: str) -> str:
    """The URI of a file; what is in no file is named by its URI already."""
    return from_fs_path(file) or file if is_path(file) else file


def is_path(file: str) -> bool:
    """Whether a document is in a file."""
    return ":" not in file or file[1:2] == ":" or file.startswith("/")
