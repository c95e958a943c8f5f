"""`tenuto check --fix`: what is mended, what is left alone, and how files are written."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenuto.cli.analyse import Analyzer
from tenuto.cli.cache import Entry
from tenuto_server.mending import mend
from tenuto_server.reports import Edit, Fix, Report
from tests.command import CLEAN, FAULTY, UNUSED, Command

MENDED = UNUSED.replace("import std.nn { Linear }\n", "").lstrip("\n")


def report(file: str, *edits: Edit) -> Report:
    return Report(
        file, edits[0].start, edits[0].end, "unknown-name", "error", "!", None, (), (Fix("mend", edits, safe=True),)
    )


def test_a_fix_is_applied_and_the_rest_is_told(tenuto: Command) -> None:
    tenuto.write({"a.ten": UNUSED, "b.ten": FAULTY})
    result = tenuto("check", "--fix", "--format", "concise")
    assert result.code == 1
    assert result.out.startswith("b.ten:1:38: error[unknown-name]")
    assert result.err == "fixed 1 problem in 1 file\n1 error in 1 file (checked 2)\n"
    assert tenuto.read("a.ten").lstrip("\n") == MENDED
    assert tenuto.read("b.ten") == FAULTY
    assert tenuto("check", "a.ten").code == 0


def test_a_fix_that_may_miss_what_was_meant_is_only_offered(tenuto: Command) -> None:
    text = "fn double(width: f32[N]) -> f32[N] = widht + width\n"
    tenuto.write({"a.ten": text})
    result = tenuto("check", "--fix")
    assert "fix: write `width`" in result.out
    assert tenuto.read("a.ten") == text


def test_nothing_to_fix_writes_nothing(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN})
    before = (tenuto.folder / "a.ten").stat()
    assert tenuto("check", "--fix") == (0, "", "no problems (checked 1 file)\n")
    assert (tenuto.folder / "a.ten").stat().st_mtime_ns == before.st_mtime_ns


def test_rules_that_are_not_selected_are_not_fixed(tenuto: Command) -> None:
    tenuto.write({"a.ten": UNUSED})
    assert tenuto("check", "--fix", "--ignore", "unused-import").code == 0
    assert tenuto.read("a.ten") == UNUSED


def test_mode_link_and_byte_order_mark_stay(tenuto: Command) -> None:
    tenuto.write({"real.txt": b"\xef\xbb\xbf" + UNUSED.encode()})
    (tenuto.folder / "real.txt").chmod(0o640)
    (tenuto.folder / "a.ten").symlink_to("real.txt")
    assert tenuto("check", "a.ten", "--fix").code == 0
    assert (tenuto.folder / "a.ten").is_symlink()
    assert (tenuto.folder / "real.txt").read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"import" not in (tenuto.folder / "real.txt").read_bytes()
    assert stat.S_IMODE((tenuto.folder / "real.txt").stat().st_mode) == 0o640
    assert sorted(path.name for path in tenuto.folder.iterdir()) == [".cache", "a.ten", "real.txt"]


def test_standard_input_is_mended_to_standard_output(tenuto: Command) -> None:
    result = tenuto("check", "-", "--fix", "--format", "concise", stdin=(UNUSED + FAULTY).encode())
    assert result.code == 1
    assert "import" not in result.out
    assert "double" in result.out
    assert "<stdin>:" in result.err


def test_edits_that_touch_wait_for_the_next_round() -> None:
    first, second = report("a", Edit(0, 3, "x")), report("a", Edit(2, 5, "y"))
    apart = report("a", Edit(8, 9, "z"))
    assert mend("0123456789", [first, second, apart]) == ("x34567z9", 2)


def test_the_same_edit_twice_is_one() -> None:
    assert mend("0123", [report("a", Edit(1, 1, "x")), report("a", Edit(1, 1, "x"))]) == ("0x123", 2)


def test_several_edits_of_one_fix_go_together() -> None:
    both = report("a", Edit(0, 1, "x"), Edit(3, 4, ""))
    assert mend("0123", [report("a", Edit(3, 4, "y")), both]) == ("012y", 1)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, str], tuple[Report, ...]]], None]:
    """Puts a function from a file and its text to reports in the place of the analyzer."""

    def install(find: Callable[[str, str], tuple[Report, ...]]) -> None:
        def entries(analyzer: Analyzer, files: list[str]) -> Iterator[tuple[str, Entry]]:
            for file in files:
                inputs = ((file, analyzer._disk.digest(file)),)
                yield file, Entry(inputs, find(file, analyzer._disk.text(file)))

        monkeypatch.setattr(Analyzer, "entries", entries)

    return install


def test_a_fix_that_makes_things_worse_is_undone(
    tenuto: Command, invented: Callable[[Callable[[str, str], tuple[Report, ...]]], None]
) -> None:
    def find(file: str, text: str) -> tuple[Report, ...]:
        return tuple(report(file, Edit(at, at + 1, "bb")) for at, letter in enumerate(text) if letter == "b")

    invented(find)
    tenuto.write({"a.ten": "a b c"})
    result = tenuto("check", "--fix", "--no-cache")
    assert (result.code, result.err) == (1, "1 error in 1 file (checked 1)\n")
    assert tenuto.read("a.ten") == "a b c"


def test_one_bad_fix_does_not_stop_the_good_ones(
    tenuto: Command, invented: Callable[[Callable[[str, str], tuple[Report, ...]]], None]
) -> None:
    def find(file: str, text: str) -> tuple[Report, ...]:
        better = {"b": "bb", "c": "d"}
        return tuple(report(file, Edit(at, at + 1, better[it])) for at, it in enumerate(text) if it in better)

    invented(find)
    tenuto.write({"bad.ten": "b", "good.ten": "c"})
    result = tenuto("check", "--fix", "--no-cache", "--format", "concise")
    assert tenuto.read("bad.ten") == "b"
    assert tenuto.read("good.ten") == "d"
    assert result.out.startswith("bad.ten:1:1: ")


def test_a_file_that_changed_meanwhile_is_left_alone(
    tenuto: Command, invented: Callable[[Callable[[str, str], tuple[Report, ...]]], None]
) -> None:
    def find(file: str, text: str) -> tuple[Report, ...]:
        if text == "b":
            Path(file).write_text("someone else", encoding="utf-8")
            return (report(file, Edit(0, 1, "c")),)
        return ()

    invented(find)
    tenuto.write({"a.ten": "b"})
    result = tenuto("check", "--fix", "--no-cache")
    assert result.code == 2
    assert "changed while it was being fixed" in result.err
    assert tenuto.read("a.ten") == "someone else"
