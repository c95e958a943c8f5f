"""`tenuto check --fix`: applies the first safe fix of each finding, and keeps what makes no file worse.

Texts are changed in memory and checked again; a file is written, whole and at once, only when no more can be mended.
"""

from __future__ import annotations

import sys

from tenuto.cli.check import Options, look
from tenuto.cli.misuse import Misuse
from tenuto.cli.outcome import Outcome, count
from tenuto.cli.run import Checker
from tenuto.cli.sources import Disk
from tenuto.cli.writing import replace_file
from tenuto_server.mending import MOST_ROUNDS, Mended, badness, mend
from tenuto_server.reports import Report
from tenuto_server.texts import encode


def fix(checker: Checker, outcome: Outcome, options: Options) -> Outcome:
    """Mends what can be mended in the files of an outcome; returns what is found afterwards."""
    originals = {source.file: outcome.disk.content(source.file) for source in outcome.sources}
    hopeless: set[str] = set()
    applied = 0
    for _ in range(MOST_ROUNDS):
        plan = _plan(outcome, hopeless)
        if not plan:
            break
        after = _try(checker, outcome, plan, options)
        if after is not None:
            outcome = after
            applied += sum(mended.fixes for mended in plan.values())
            continue
        for file, mended in plan.items():
            after = _try(checker, outcome, {file: mended}, options)
            if after is None:
                hopeless.add(file)
            else:
                outcome = after
                applied += mended.fixes
    changed = [file for file, content in originals.items() if outcome.disk.content(file) != content]
    if options.paths == ["-"]:
        sys.stdout.write(outcome.disk.text(outcome.sources[0].file))
    else:
        for file in changed:
            _write(file, originals[file], outcome.disk)
    if changed and not options.quiet:
        print(f"fixed {count(applied, 'problem')} in {count(len(changed), 'file')}", file=sys.stderr)
    return outcome


def _plan(outcome: Outcome, hopeless: set[str]) -> dict[str, Mended]:
    """What to try in this round, by file."""
    plan: dict[str, Mended] = {}
    for source in outcome.sources:
        mended = mend(outcome.disk.text(source.file), _of(outcome, source.file))
        if mended.fixes and source.file not in hopeless:
            plan[source.file] = mended
    return plan


def _try(checker: Checker, before: Outcome, plan: dict[str, Mended], options: Options) -> Outcome | None:
    """What is found after the plan; None, with everything as it was, where that is not better in every file."""
    old = {file: _content(before.disk, file) for file in plan}
    for file, mended in plan.items():
        checker.set(file, encode(mended.text, like=old[file]))
    after = look(checker, before.sources, options)
    changes = [(badness(_of(before, source.file)), badness(_of(after, source.file))) for source in before.sources]
    if all(new <= old for old, new in changes) and any(new < old for old, new in changes):
        return after
    for file, content in old.items():
        checker.set(file, content)
    return None


def _of(outcome: Outcome, file: str) -> list[Report]:
    return [report for report in outcome.reports if report.file == file]


def _write(file: str, original: bytes | OSError, disk: Disk) -> None:
    """Writes a file, unless somebody else changed it since it was read."""
    try:
        with open(file, "rb") as opened:
            current = opened.read()
        if current != original:
            raise Misuse(f"`{file}` changed while it was being fixed; it is left as it is")
        replace_file(file, _content(disk, file))
    except OSError as error:
        raise Misuse(f"cannot write `{file}`: {error.strerror}") from error


def _content(disk: Disk, file: str) -> bytes:
    content = disk.content(file)
    assert isinstance(content, bytes), "only files that could be read have findings"
    return content
