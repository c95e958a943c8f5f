"""From the bytes of a file to its text. Source files are UTF-8, with or without a byte order mark."""

from __future__ import annotations

from typing import NamedTuple

from tenuto_server.reports import Report

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
INVALID_UTF8 = "invalid-utf8"


class Decoded(NamedTuple):
    """A file's text without its byte order mark; where the bytes are not UTF-8, `problem` says so."""

    text: str
    problem: Report | None


def decode(file: str, data: bytes) -> Decoded:
    body = data.removeprefix(BYTE_ORDER_MARK)
    try:
        return Decoded(body.decode("utf-8"), None)
    except UnicodeDecodeError as error:
        text = body.decode("utf-8", errors="replace")
        start = len(body[: error.start].decode("utf-8"))
        return Decoded(text, _invalid(file, body, start, error.start))


def encode(text: str, like: bytes) -> bytes:
    """A text as bytes, with a byte order mark where the old bytes had one."""
    mark = BYTE_ORDER_MARK if like.startswith(BYTE_ORDER_MARK) else b""
    return mark + text.encode("utf-8")


def _invalid(file: str, body: bytes, start: int, position: int) -> Report:
    looks_like_utf16 = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    help_text = "it looks like UTF-16; " if looks_like_utf16 else ""
    return Report(
        file=file,
        start=start,
        end=start + 1,
        rule=INVALID_UTF8,
        severity="error",
        message=f"this file is not UTF-8: byte 0x{body[position]:02x} fits nowhere",
        help=f"{help_text}save it as UTF-8",
        related=(),
        fixes=(),
    )
