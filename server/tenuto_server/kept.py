"""The user's cache folder: plain data in files, by digests of what they are about.

A cache file begins with a checksum of the rest, which is loaded only where it agrees. Whatever is wrong with a cache,
it is as if it were not there: reading and writing never fail, and two runs at once each replace the whole file.
"""

from __future__ import annotations

import marshal
import os
import sys
from hashlib import blake2b
from typing import Any

MAGIC = b"tenuto cache 1\n"
CHECKSUM_SIZE = 32
LARGEST_FOLDER = 64 * 1024 * 1024  # bytes
MOST_FILES = 500


def cache_folder() -> str:
    """Where this user's caches are, by the custom of the platform; TENUTO_CACHE_DIR says otherwise."""
    own = os.environ.get("TENUTO_CACHE_DIR")
    if own:
        return os.path.abspath(own)
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "tenuto", "cache")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/tenuto")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tenuto")


def short(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=CHECKSUM_SIZE).digest()


def read(path: str) -> Any:
    """What was written, or None."""
    try:
        with open(path, "rb") as opened:
            data = opened.read()
    except OSError:
        return None
    start = len(MAGIC) + CHECKSUM_SIZE
    payload = data[start:]
    if data[:start] != MAGIC + _checksum(payload):
        return None
    return marshal.loads(payload)


def write(path: str, content: Any) -> None:
    """Replaces the file by plain data, as marshal takes it."""
    payload = marshal.dumps(content)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "wb") as opened:
            opened.write(MAGIC + _checksum(payload) + payload)
        os.replace(temporary, path)
    except OSError:
        _remove(temporary)


def prune(folder: str) -> None:
    """Removes the caches written longest ago while there are too many or they are too large."""
    try:
        found = sorted(((entry.stat(), entry.path) for entry in os.scandir(folder)), key=lambda item: item[0].st_mtime)
    except OSError:
        return
    size, count = sum(status.st_size for status, _ in found), len(found)
    for status, path in found:
        if size <= LARGEST_FOLDER and count <= MOST_FILES:
            return
        _remove(path)
        size, count = size - status.st_size, count - 1


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        return
