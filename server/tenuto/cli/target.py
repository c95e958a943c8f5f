"""`FILE[:DEPLOY]`: which deploys of which file a command is about."""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from typing import NamedTuple

from tenuto.cli.formats import text
from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import Outcome, count
from tenuto.cli.sources import Disk, Source, shown
from tenuto.cli.terminal import wants_color
from tenuto_analysis import modules
from tenuto_analysis.diagnostics import CATALOGUE
from tenuto_analysis.diagnostics.base import GraphProblem
from tenuto_server.extremes import SMALL, KnownExtremes
from tenuto_server.files import SUFFIX
from tenuto_server.kept import cache_folder
from tenuto_server.profiles import targets_of
from tenuto_server.reports import Report
from tenuto_server.settings import SettingsFinder
from tenuto_server.workspace import Workspace

OF_GRAPHS = frozenset(item.rule for item in CATALOGUE if issubclass(item, GraphProblem))
_TARGET = re.compile(r"(?P<file>.+):(?P<deploy>[A-Za-z_]\w*)")


class Opened(NamedTuple):
    """A checked file and the deploys of it that are meant; `reports` are the errors that stand in the way, `warnings`
    what else was found."""

    workspace: Workspace
    disk: Disk
    source: Source
    root: str
    deploys: tuple[str, ...]
    reports: tuple[Report, ...]
    warnings: tuple[Report, ...]

    def outcome(self, reports: tuple[Report, ...]) -> Outcome:
        return Outcome(self.disk, [self.source], [], list(reports))


def open_target(target: str, at_once: float = SMALL) -> Opened:
    """Reads and checks the file; raises `Misuse` where it, or the deploy, does not exist.

    The extremes of weights are read of files of up to `at_once` bytes.
    """
    path, wanted = _split(target)
    return _meant(open_file(path, at_once), path, wanted)


def open_declaration(target: str) -> Opened:
    """The same, where a model or a `fn` may be meant too; what the graphs of deploys show does not stand in the way."""
    path, wanted = _split(target)
    opened = open_file(path, graphs=False)
    named = dict(modules.keys(opened.workspace.database, opened.source.file))
    if not opened.reports and wanted is not None and named.get(wanted) in ("model", "fn"):
        return opened._replace(deploys=(wanted,))
    return _meant(opened, path, wanted)


def _meant(opened: Opened, path: str, wanted: str | None) -> Opened:
    if opened.reports:
        return opened
    if wanted is not None and wanted not in opened.deploys:
        raise Misuse(without_deploy(path, wanted, opened.deploys))
    if not opened.deploys:
        raise Misuse(f"`{path}` has no deploy: write `deploy name = Model {{ weights: ... }}` in it")
    return opened if wanted is None else opened._replace(deploys=(wanted,))


def open_file(path: str, at_once: float = SMALL, graphs: bool = True) -> Opened:
    """Reads and checks a file, with the graphs of its deploys or not; raises `Misuse` where it does not exist."""
    file = os.path.abspath(path)
    disk, settings = Disk(), SettingsFinder()
    obstacle = disk.obstacle(file)
    if obstacle is not None:
        raise Misuse(f"cannot read `{path}`: {obstacle}")
    root = settings.of(file).root
    workspace = Workspace(
        disk.decoded,
        lambda other: settings.of(other).root,
        targets=lambda other: targets_of(settings.of(other)),
        extremes=KnownExtremes(cache_folder(), at_once).of,
    )
    # An error in an imported file stands in the way as one in the file itself does.
    checked = [file, *(name for name in workspace.load(file) if name.endswith(SUFFIX) and name != file)]
    find = workspace.reports if graphs else workspace.quick_reports
    found = (report for name in checked for report in find(name))
    errors: list[Report] = []
    warnings: list[Report] = []
    for report in found:
        (errors if report.severity == "error" else warnings).append(report)
    deploys = modules.deploys(workspace.database, file)
    return Opened(workspace, disk, Source(file, shown(file)), root, deploys, tuple(errors), tuple(warnings))


def only_deploy(opened: Opened, target: str) -> str:
    """The deploy that is meant; raises `Misuse` where the file has several."""
    if len(opened.deploys) > 1:
        told = ", ".join(f"`{target}:{deploy}`" for deploy in opened.deploys)
        raise Misuse(f"`{target}` has several deploys: choose {told}")
    return opened.deploys[0]


def without_deploy(path: str, wanted: str, deploys: tuple[str, ...]) -> str:
    """What to say of a deploy that a file does not have."""
    return f"`{path}` has no deploy `{wanted}`{_hint(wanted, deploys)}"


def show_findings(opened: Opened, reports: tuple[Report, ...], color: str, what: str) -> int:
    """Shows what stands in the way, and that something was `not built` for it; returns the exit code."""
    sys.stdout.write(text.render(opened.outcome(reports), wants_color(color)))
    print(f"{what}: {count(len(reports), 'error')}", file=sys.stderr)
    return 1


def show_hazards(opened: Opened, color: str) -> None:
    """Shows, beside what a command makes, the warnings that the graphs of the deploys gave."""
    found = tuple(report for report in opened.warnings if report.rule in OF_GRAPHS)
    sys.stdout.write(text.render(opened.outcome(found), wants_color(color)))


def _split(target: str) -> tuple[str, str | None]:
    found = _TARGET.fullmatch(target)
    if found is None or os.path.lexists(target):
        return target, None
    return found["file"], found["deploy"]


def _hint(wanted: str, deploys: tuple[str, ...]) -> str:
    near = get_close_matches(wanted, deploys, n=1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; it has {', '.join(f'`{name}`' for name in deploys)}" if deploys else ""
