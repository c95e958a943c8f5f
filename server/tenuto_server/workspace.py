"""The analyzer's database with the files that it was told of, and its answers as plain reports.

Analysis does no IO; this is where texts come in: a file, and whatever its imports reach, are read when asked about. The
command line keeps one workspace for a run, the language server one for its life.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from tenuto_analysis import model, modules
from tenuto_analysis.check import loading
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Finding
from tenuto_analysis.extremes import Extreme, weight_extremes
from tenuto_analysis.ranges.problems import strict_ranges
from tenuto_analysis.ranges.witnesses import runner
from tenuto_analysis.targets.profile import declared
from tenuto_analysis.weights import Header, weights_header
from tenuto_grammar.text import LineIndex
from tenuto_server.headers import header_of
from tenuto_server.known import Known
from tenuto_server.reports import Edit, Fix, Related, Report
from tenuto_server.texts import Decoded
from tenuto_server.witnesses import run_graph


class Workspace:
    """`read` gives the content of a file (None: no such file), `root` the workspace root of a file, both by path.

    `header` gives the header of a file of weights, by its path and the root; it is read from the disk, if left out.
    `targets` gives the profiles that the project of a file describes; `extremes` those of the numbers of a file of
    weights, by its path and the root, as far as they are known; `strict` whether a file's deploys shall tell of values
    whose range nobody declares.
    """

    def __init__(
        self,
        read: Callable[[str], Decoded | None],
        root: Callable[[str], str],
        header: Callable[[str, str], Header | None] | None = None,
        targets: Callable[[str], Mapping[str, object]] | None = None,
        extremes: Callable[[str, str], tuple[Extreme, ...] | None] | None = None,
        strict: Callable[[str], bool] | None = None,
    ) -> None:
        self.database = Database()
        self.database.set(runner, "", run_graph)
        self._read = read
        self._root = root
        self._loaded: dict[str, Decoded | None] = {}
        self._lines: dict[str, LineIndex] = {}
        self._graphs = Known()
        self._header = header or header_of
        self._targets = targets or (lambda file: {})
        self._extremes = extremes or (lambda path, root: None)
        self._strict = strict or (lambda file: False)

    def reports(self, file: str) -> tuple[Report, ...]:
        """All that is found in a file, in order."""
        return self._reports(file, model.findings)

    def quick_reports(self, file: str) -> tuple[Report, ...]:
        """What is found in a file without the graphs of its deploys, in order."""
        return self._reports(file, model.quick_findings)

    def known_reports(self, file: str) -> tuple[Report, ...]:
        """The same with what is known of graphs: of declarations that have not changed since `analyse`, in order."""
        graphs = self._graphs.placed(self.database, file) if self._is_readable(file) else ()
        return tuple(sorted((*self.quick_reports(file), *graphs), key=_order))

    def analyse(self, file: str) -> bool:
        """Looks at the graphs of a file's deploys; whether that changes what is known of them."""
        found = self._reports(file, model.graph_findings) if self._is_readable(file) else ()
        return self._graphs.keep(self.database, file, found)

    def _is_readable(self, file: str) -> bool:
        self.load(file)
        decoded = self._loaded[file]
        return decoded is None or decoded.problem is None

    def _reports(self, file: str, find: Callable[[Database, str], tuple[Finding, ...]]) -> tuple[Report, ...]:
        self.load(file)
        decoded = self._loaded[file]
        if decoded is not None and decoded.problem is not None:
            return (decoded.problem,)
        return tuple(report(finding) for finding in find(self.database, file))

    def loaded(self) -> tuple[str, ...]:
        """The files that were asked for until now."""
        return tuple(self._loaded)

    def text(self, file: str) -> str:
        """The text of a file as it was last read; empty where there is none."""
        return modules.file_text(self.database, file) or ""

    def load(self, file: str) -> tuple[str, ...]:
        """Makes sure that a file and all that its imports reach are loaded; returns them, whether or not they exist.

        Of the weights that it deploys the headers are loaded; they are read again where their files have changed.
        """
        reached = {file: None}
        waiting = [file]
        while waiting:
            current = waiting.pop()
            if current not in self._loaded:
                self._set(current, self._read(current))
            for needed in modules.needed(self.database, current):
                if needed not in reached:
                    reached[needed] = None
                    waiting.append(needed)
        self.database.set(strict_ranges, file, self._strict(file))
        for path in loading.weights_files(self.database, file):
            self.header(file, path)
            self.database.set(weight_extremes, path, self._extremes(path, self._root(file)))
            reached[path] = None
        return tuple(reached)

    def header(self, file: str, path: str) -> Header | None:
        """The header of a file of weights that a source file names, read again where that has changed."""
        self.database.set(weights_header, path, self._header(path, self._root(file)))
        return weights_header(self.database, path)

    def unmeasured(self, file: str) -> tuple[str, ...]:
        """The files of weights that a loaded file deploys whose extremes are not known."""
        named = loading.weights_files(self.database, file)
        return tuple(path for path in named if weight_extremes(self.database, path) is None)

    def load_all(self, files: Iterable[str]) -> None:
        """Loads many files; those of the library are there without that."""
        for file in files:
            if not file.startswith(str(modules.STD)):
                self.load(file)

    def refresh(self, file: str) -> None:
        """Reads a file again, where it was loaded: it may have changed, appeared or vanished."""
        if file in self._loaded:
            self._set(file, self._read(file))

    def lines(self, file: str) -> LineIndex:
        """The lines of a loaded file."""
        text = self.text(file)
        known = self._lines.get(file)
        if known is None or known.text is not text:
            known = self._lines[file] = LineIndex(text)
        return known

    def exists(self, file: str) -> bool:
        """Whether there is such a file."""
        return (self._loaded[file] if file in self._loaded else self._read(file)) is not None

    def root(self, file: str) -> str:
        """The workspace root of a file, whether or not it is there."""
        return self._root(file)

    def copied(self, texts: Mapping[str, str | None]) -> Workspace:
        """A workspace beside this one in which some files have other texts, or (None) are not there.

        What is asked of it stops where this one is told to stop.
        """

        def read(file: str) -> Decoded | None:
            if file in texts:
                text = texts[file]
                return Decoded(text, None) if text is not None else None
            return self._loaded[file] if file in self._loaded else self._read(file)

        beside = Workspace(read, self._root, self._header, self._targets, self._extremes, self._strict)
        beside.database = Database(within=self.database)
        beside.database.set(runner, "", run_graph)
        return beside

    @contextmanager
    def trying(self, file: str, text: str) -> Iterator[None]:
        """The program as it would be if a loaded file had another text."""
        before = self._loaded[file]
        self._set(file, Decoded(text, None))
        try:
            yield
        finally:
            self._set(file, before)

    def _set(self, file: str, decoded: Decoded | None) -> None:
        root = self._root(file)
        self.database.set(modules.root, file, root)
        self.database.set(declared, root, self._targets(file))
        self.database.set(modules.file_text, file, decoded.text if decoded is not None else None)
        self._loaded[file] = decoded


def _order(found: Report) -> tuple[int, int, str, str]:
    return found.start, found.end, found.rule, found.message


def report(finding: Finding) -> Report:
    return Report(
        file=finding.file,
        start=finding.span.start,
        end=finding.span.end,
        rule=finding.rule,
        severity=finding.severity.value,
        message=finding.message,
        help=finding.help,
        related=tuple(Related(item.file, item.span.start, item.span.end, item.message) for item in finding.related),
        fixes=tuple(
            Fix(fix.title, tuple(Edit(edit.span.start, edit.span.end, edit.text) for edit in fix.edits), fix.safe)
            for fix in finding.fixes
        ),
    )
