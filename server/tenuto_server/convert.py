"""From plain data to the types of the Language Server Protocol, and back. Nothing but this and `lsp.py` knows them."""

from __future__ import annotations

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from tenuto_grammar.text import Encoding, LineIndex
from tenuto_server.reports import Edit, Related, Report

SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


def file_of(uri: str) -> str:
    """The path of a document; one that is in no file keeps its URI as its name."""
    return to_fs_path(uri) or uri if uri.startswith("file:") else uri


def uri_of(file: str) -> str:
    return from_fs_path(file) or file


def encoding_of(name: str | types.PositionEncodingKind | None) -> Encoding:
    """What columns count, as agreed with the client."""
    value = name.value if isinstance(name, types.PositionEncodingKind) else name
    return Encoding(value) if value is not None else Encoding.UTF16


def range_of(lines: LineIndex, start: int, end: int, encoding: Encoding) -> types.Range:
    first, last = lines.position(start, encoding), lines.position(end, encoding)
    return types.Range(types.Position(first.line, first.column), types.Position(last.line, last.column))


def diagnostic(report: Report, lines: LineIndex, encoding: Encoding, related: list[LineIndex]) -> types.Diagnostic:
    """A report; `related` are the lines of the files of its related places, one each."""
    return types.Diagnostic(
        range=range_of(lines, report.start, report.end, encoding),
        message=report.message if report.help is None else f"{report.message}\n\n{report.help}",
        severity=SEVERITIES[report.severity],
        code=report.rule,
        source="tenuto",
        related_information=[
            _related(place, place_lines, encoding) for place, place_lines in zip(report.related, related, strict=True)
        ],
    )


def text_edit(edit: Edit, lines: LineIndex, encoding: Encoding) -> types.TextEdit:
    return types.TextEdit(range_of(lines, edit.start, edit.end, encoding), edit.text)


def _related(place: Related, lines: LineIndex, encoding: Encoding) -> types.DiagnosticRelatedInformation:
    where = types.Location(uri_of(place.file), range_of(lines, place.start, place.end, encoding))
    return types.DiagnosticRelatedInformation(where, place.message)
