"""`tenuto fmt` and `tenuto explain`. What the canonical layout is, the tests of the formatter say."""

from __future__ import annotations

import re

import pytest

from tenuto_server.settings import rule_names
from tests.command import CLEAN, Command

MESSY = "fn   double( x:f32[N] )->f32[N]=x+x\n"
BROKEN = "fn double(x: f32[N] -> = x +\n"


def test_files_are_laid_out(tenuto: Command) -> None:
    tenuto.write({"a.ten": MESSY, "b.ten": CLEAN})
    assert tenuto("fmt") == (0, "", "1 file changed, 1 as they should be\n")
    assert tenuto.read("a.ten") == CLEAN
    assert tenuto("fmt") == (0, "", "0 files changed, 2 as they should be\n")


def test_check_changes_nothing(tenuto: Command) -> None:
    tenuto.write({"a.ten": MESSY, "b.ten": CLEAN})
    assert tenuto("fmt", "--check") == (1, "would lay out a.ten\n", "1 file would change, 1 as they should be\n")
    assert tenuto.read("a.ten") == MESSY
    assert tenuto("fmt", "--check", "b.ten").code == 0


def test_diff(tenuto: Command) -> None:
    tenuto.write({"a.ten": MESSY})
    result = tenuto("fmt", "--diff")
    assert result.code == 1
    assert result.out == f"--- a.ten\n+++ a.ten\n@@ -1 +1 @@\n-{MESSY}+{CLEAN}"
    painted = tenuto("fmt", "--diff", "--color", "always").out
    assert painted != result.out
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == result.out
    assert tenuto.read("a.ten") == MESSY


def test_standard_input(tenuto: Command) -> None:
    assert tenuto("fmt", "-", stdin=MESSY.encode()) == (0, CLEAN, "")
    assert (
        tenuto("fmt", "-", "--check", "--stdin-filename", "x.ten", stdin=MESSY.encode()).out == "would lay out x.ten\n"
    )


def test_a_mistake_in_the_syntax_leaves_the_file_alone(tenuto: Command) -> None:
    tenuto.write({"a.ten": BROKEN, "b.ten": MESSY})
    result = tenuto("fmt")
    assert result.code == 1
    assert "tenuto: cannot lay out a.ten: line 1, column " in result.err
    assert tenuto.read("a.ten") == BROKEN
    assert tenuto.read("b.ten") == CLEAN
    assert tenuto("fmt", "-", stdin=BROKEN.encode()).out == ""


def test_bytes_that_are_not_utf8_are_left_alone(tenuto: Command) -> None:
    tenuto.write({"a.ten": b"# \xff\n"})
    result = tenuto("fmt")
    assert (result.code, result.out) == (1, "")
    assert "cannot lay out a.ten: this file is not UTF-8" in result.err


def test_misuse(tenuto: Command) -> None:
    assert tenuto("fmt", "nowhere").code == 2
    assert tenuto("fmt", "-", "a.ten").code == 2
    (tenuto.folder / "gone.ten").symlink_to("nowhere")
    assert tenuto("fmt", "gone.ten").code == 2


def test_explain_a_rule(tenuto: Command) -> None:
    result = tenuto("explain", "unused-import")
    assert result.code == 0
    assert result.out.startswith("# unused-import\n\n")
    painted = tenuto("explain", "unused-import", "--color", "always").out
    assert painted.startswith("\x1b[1munused-import\x1b[0m\n")
    assert "```" not in painted


def test_explain_an_operator(tenuto: Command) -> None:
    result = tenuto("explain", "matmul")
    assert result.code == 0
    assert "matmul" in result.out


def test_explain_everything(tenuto: Command) -> None:
    lines = dict(re.split(r" +", line, maxsplit=1) for line in tenuto("explain").out.splitlines())
    assert [*lines] == rule_names()
    assert all(lines.values())
    assert lines["unused-suppression"] == "A comment `# tenuto: allow(rule-name)` silences nothing"


@pytest.mark.parametrize(
    ("name", "near"), [("unused-imprt", "unused-import"), ("matmull", "matmul"), ("nothing-like-it", None)]
)
def test_explain_what_is_not_there(tenuto: Command, name: str, near: str | None) -> None:
    result = tenuto("explain", name)
    assert (result.code, result.out) == (2, "")
    assert f"there is no rule and no operator `{name}`" in result.err
    assert ("did you mean" in result.err) == (near is not None)
    assert near is None or f"`{near}`" in result.err
