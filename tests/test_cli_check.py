"""`tenuto check`: which files, which findings, how they are told, what the exit code is."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tenuto import __version__
from tests.command import CLEAN, FAULTY, TENUTO, UNUSED, Command, clean_environment, start

# ------------------------------------------------------------------------------------------------------ which files


def test_a_clean_folder(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN, "deep/down/b.ten": CLEAN, "notes.txt": "no"})
    assert tenuto("check") == (0, "", "no problems (checked 2 files)\n")


def test_findings_end_with_one(tenuto: Command) -> None:
    tenuto.write({"a.ten": FAULTY, "b.ten": CLEAN})
    result = tenuto("check", ".")
    assert result.code == 1
    assert "error[unknown-name]" in result.out
    assert result.err == "1 error in 1 file (checked 2)\n"


def test_warnings_are_findings(tenuto: Command) -> None:
    tenuto.write({"a.ten": UNUSED})
    result = tenuto("check", "--format", "concise")
    assert result.code == 1
    assert result.out == "a.ten:1:17: warning[unused-import] `Linear` is imported but not used\n"
    assert result.err == "1 warning in 1 file (checked 1); --fix mends 1\n"


def test_hidden_and_foreign_folders_are_left_out_of_a_walk_but_not_when_named(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN, ".venv/b.ten": FAULTY, "node_modules/c.ten": FAULTY, ".d.ten": FAULTY})
    assert tenuto("check").code == 0
    assert tenuto("check", ".d.ten").code == 1
    assert tenuto("check", "node_modules/c.ten").code == 1


def test_a_file_named_twice_is_told_once(tenuto: Command) -> None:
    tenuto.write({"a.ten": FAULTY})
    result = tenuto("check", "a.ten", ".", "./a.ten", "--format", "concise")
    assert result.out.count("unknown-name") == 1


def test_findings_stand_in_the_order_of_the_files_and_lines(tenuto: Command) -> None:
    tenuto.write({f"{name}.ten": FAULTY + FAULTY.replace("double", "triple") for name in "bca"})
    lines = [line.split(": ")[0] for line in tenuto("check", "--format", "concise").out.splitlines()]
    assert lines == [f"{name}.ten:{line}:38" for name in "abc" for line in (1, 2)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nowhere"], "there is no file or folder `nowhere`"),
        (["check", "empty"], "there is no .ten file in `empty`"),
        (["check", "-", "a.ten"], "standard input (-) stands alone"),
        (["check", "--watch", "--fix"], "--watch and --fix exclude each other"),
        (["check", "--select", "unkown-name"], "no rule `unkown-name`"),
        (["check", "--ignore", "unkown-name"], "did you mean `unknown-name`?"),
        (["check", "--format", "xml"], "invalid choice"),
        (["chekc"], "there is no command `chekc`; did you mean `check`?"),
        ([], "usage: tenuto"),
    ],
)
def test_misuse_ends_with_two(tenuto: Command, arguments: list[str], said: str) -> None:
    tenuto.write({"a.ten": CLEAN, "empty/notes.txt": ""})
    result = tenuto(*arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_checked(tenuto: Command) -> None:
    tenuto.write({"a.ten": FAULTY})
    (tenuto.folder / "gone.ten").symlink_to("nowhere.ten")
    result = tenuto("check", "gone.ten", "a.ten")
    assert result.code == 2
    assert "unknown-name" in result.out
    assert "tenuto: cannot read `gone.ten`: No such file or directory\n" in result.err
    assert "1 error in 1 file (checked 1)" in result.err


# ------------------------------------------------------------------------------------------------------ any bytes


def test_bytes_that_are_not_utf8(tenuto: Command) -> None:
    tenuto.write({"a.ten": b"# caf\xc3\xa9\n# caf\xe9\n"})
    result = tenuto("check")
    assert result.code == 1
    assert "error[invalid-utf8]: this file is not UTF-8: byte 0xe9 fits nowhere" in result.out
    assert "--> a.ten:2:6" in result.out


def test_utf16_is_recognised(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN.encode("utf-16")})
    assert "it looks like UTF-16; save it as UTF-8" in tenuto("check").out


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_move_nothing(tenuto: Command, line_end: str, mark: bytes) -> None:
    text = ("# é 😀\n" + FAULTY).replace("\n", line_end)
    tenuto.write({"a.ten": mark + text.encode("utf-8")})
    assert tenuto("check", "--format", "concise").out.startswith("a.ten:2:38: error[unknown-name]")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(range(256)) * 64,
        b"\x00" * 1000,
        b"x" * 1_000_000,
        b"fn f(x: f32[N]) -> f32[N] = " + b"(" * 10_000 + b"x" + b")" * 10_000,
        "fn f(größe: f32[N]) -> f32[N] = größe\n".encode(),
        "# \u2028 \u0085 \x0b\n".encode(),
    ],
    ids=["empty", "all-bytes", "zeros", "long-line", "deep", "letters", "odd-line-ends"],
)
@pytest.mark.parametrize("format", ["text", "concise", "json", "sarif", "github"])
def test_any_bytes_in_any_format(tenuto: Command, content: bytes, format: str) -> None:
    tenuto.write({"a.ten": content})
    result = tenuto("check", "--format", format)
    assert result.code in (0, 1)
    assert len(result.out) < 1_000_000 + 20 * len(content)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", result.out), "control characters reach no terminal"


@pytest.mark.skipif(sys.platform != "linux", reason="only there a name may be any bytes")
@pytest.mark.parametrize("format", ["text", "concise", "json", "sarif", "github"])
def test_a_name_of_any_bytes(tenuto: Command, format: str) -> None:
    name = os.fsdecode(b"a\xff\x1b[31m\n.ten")
    (tenuto.folder / name).write_text(FAULTY, encoding="utf-8")
    with start("check", "--format", format, folder=tenuto.folder) as process:
        out, err = process.communicate()
    assert process.returncode == 1
    assert "\x1b" not in out + err
    assert "1 error" in err or format not in ("text", "concise")


# ------------------------------------------------------------------------------------------------------ formats


def test_text(tenuto: Command) -> None:
    tenuto.write({"models/a.ten": "# first\n" + FAULTY})
    out = tenuto("check").out
    assert out.startswith("error[unknown-name]: ")
    assert (
        " --> models/a.ten:2:38\n"
        "  |\n"
        "2 | fn double(x: f32[N]) -> f32[N] = x + y\n"
        "  |                                      ^\n"
    ) in out
    assert out.endswith("  = more: tenuto explain unknown-name\n\n")


def test_wide_characters_and_tabs_keep_the_carets_in_place(tenuto: Command) -> None:
    tenuto.write({"a.ten": "fn double(x: f32[N]) -> f32[N] = # 日本\n\tx + y\n"})
    assert "2 |     x + y\n  |         ^\n" in tenuto("check").out


def test_a_long_line_is_cut_round_the_carets(tenuto: Command) -> None:
    tenuto.write({"a.ten": f"fn double(x: f32[N]) -> f32[N] = x{' + x' * 60} + y{' + x' * 60}\n"})
    lines = tenuto("check").out.splitlines()
    shown = next(line for line in lines if line.startswith("1 |"))
    carets = lines[lines.index(shown) + 1]
    assert len(shown) < 140
    assert shown[carets.index("^")] == "y"


def test_colour(tenuto: Command) -> None:
    tenuto.write({"a.ten": FAULTY})
    assert "\x1b[" not in tenuto("check").out
    painted = tenuto("check", "--color", "always").out
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == tenuto("check", "--color", "never").out
    assert painted.startswith("\x1b[1;31merror[unknown-name]\x1b[0m")


def test_json(tenuto: Command) -> None:
    tenuto.write({"a.ten": "# 😀\n" + UNUSED})
    document = json.loads(tenuto("check", "--format", "json").out)
    (finding,) = document["findings"]
    assert document["version"] == 1
    assert document["checked"] == 1
    assert (finding["rule"], finding["severity"], finding["file"]) == ("unused-import", "warning", "a.ten")
    assert finding["start"] == {"line": 2, "column": 17, "offset": 20}
    assert finding["end"] == {"line": 2, "column": 23, "offset": 26}
    assert finding["fixes"][0]["title"] == "remove the import of `Linear`"


def test_json_of_nothing(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN})
    assert json.loads(tenuto("check", "--format", "json").out) == {"version": 1, "checked": 1, "findings": []}


def test_github(tenuto: Command) -> None:
    tenuto.write({"50%,a:b.ten": FAULTY})
    out = tenuto("check", "--format", "github").out
    assert out.startswith("::error file=50%25%2Ca%3Ab.ten,line=1,col=38,endLine=1,endColumn=39,title=unknown-name::")
    assert out.count("\n") == 1


# ------------------------------------------------------------------------------------------------------ choosing


def test_select_and_ignore(tenuto: Command) -> None:
    tenuto.write({"a.ten": UNUSED + FAULTY.replace("double", "twice")})

    def rules(*arguments: str) -> list[str]:
        out = tenuto("check", "--format", "concise", *arguments).out
        return re.findall(r"\[([\w-]+)\]", out)

    assert rules() == ["unused-import", "unknown-name"]
    assert rules("--select", "unknown-name") == ["unknown-name"]
    assert rules("--ignore", "unknown-name") == ["unused-import"]
    assert rules("--ignore", "unknown-name, unused-import") == []
    assert rules("--select", "unknown-name", "--select", "unused-import") == ["unused-import", "unknown-name"]
    assert tenuto("check", "--exit-zero").code == 0
    assert tenuto("check", "--quiet").err == ""


# ------------------------------------------------------------------------------------------------------ settings


def test_settings(tenuto: Command) -> None:
    tenuto.write({"a.ten": UNUSED, "generated/b.ten": FAULTY, "sub/c.ten": UNUSED})
    tenuto.write({"tenuto.toml": 'exclude = ["generated"]\n[severity]\nunused-import = "error"\n'})
    tenuto.write({"sub/tenuto.toml": 'ignore = ["unused-import"]\n'})
    result = tenuto("check", "--format", "concise")
    assert result.out == "a.ten:1:17: error[unused-import] `Linear` is imported but not used\n"
    assert tenuto("check", "generated/b.ten").code == 1, "what is named is checked"


def test_settings_in_pyproject(tenuto: Command) -> None:
    tenuto.write(
        {"a.ten": UNUSED, "pyproject.toml": '[project]\nname = "x"\n[tool.tenuto]\nselect = ["unknown-name"]\n'}
    )
    assert tenuto("check").code == 0
    tenuto.write({"pyproject.toml": '[project]\nname = "x"\n'})
    assert tenuto("check").code == 1


def test_settings_make_the_workspace_root(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "blocks/double.ten": CLEAN})
    tenuto.write({"models/a.ten": "import blocks.double { double }\n\nfn f(x: f32[N]) -> f32[N] = double(x)\n"})
    assert tenuto("check") == (0, "", "no problems (checked 2 files)\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ignroe = []", "there is no setting `ignroe`; did you mean `ignore`?"),
        ("ignore = ['unkown-name']", "`ignore` names no rule `unkown-name`; did you mean `unknown-name`?"),
        ("select = 'unknown-name'", "`select` is a list of strings"),
        ("exclude = [1]", "`exclude` is a list of strings"),
        ("severity = 3", "`severity` is a table"),
        ("[severity]\nunknown-name = 'bad'", 'the severity of `unknown-name` is "error" or "warning"'),
        ("ignore = [", "is not TOML"),
        (b"ignore = ['\xff']", "is not UTF-8"),
    ],
)
def test_mistakes_in_settings(tenuto: Command, text: str | bytes, said: str) -> None:
    tenuto.write({"a.ten": CLEAN, "tenuto.toml": text})
    result = tenuto("check")
    assert (result.code, result.out) == (2, "")
    assert "tenuto.toml" in result.err
    assert said in result.err


# ------------------------------------------------------------------------------------------------------ standard input


def test_standard_input(tenuto: Command) -> None:
    assert tenuto("check", "-", stdin=CLEAN.encode()).code == 0
    result = tenuto("check", "-", "--format", "concise", stdin=FAULTY.encode())
    assert (result.code, result.out.split(" ")[0]) == (1, "<stdin>:1:38:")


def test_standard_input_stands_where_its_name_says(tenuto: Command) -> None:
    tenuto.write({"blocks/double.ten": CLEAN})
    text = "import double { double }\n\nfn f(x: f32[N]) -> f32[N] = double(x)\n"
    assert tenuto("check", "-", stdin=text.encode()).code == 1
    assert tenuto("check", "-", "--stdin-filename", "blocks/new.ten", stdin=text.encode()).code == 0


# ------------------------------------------------------------------------------------------------------ as a process


def test_version() -> None:
    ran = subprocess.run([*TENUTO, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"tenuto {__version__}\n"


def test_help_lists_the_commands(tenuto: Command) -> None:
    out = tenuto("help").out
    assert all(f"\n  {command} " in out for command in ("check", "fmt", "explain", "lsp"))
    assert tenuto("help", "check").out.startswith("usage: tenuto check")


def test_a_reader_that_leaves_early(tmp_path: Path) -> None:
    (tmp_path / "a.ten").write_text(FAULTY * 2_000, encoding="utf-8")
    with start("check", "a.ten", "--quiet", folder=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no file that is always full")
def test_output_that_finds_no_room_is_told_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*TENUTO, "explain", "matmul"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "tenuto: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_watch_checks_again_until_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "a.ten"
    file.write_text(CLEAN, encoding="utf-8")
    with start("check", "--watch", "--format", "concise", folder=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stderr.readline() == "no problems (checked 1 file)\n"
        (tmp_path / "a.new").write_text(FAULTY, encoding="utf-8")
        os.replace(tmp_path / "a.new", file)  # At once: a file that is written may be seen empty first.
        assert process.stdout.readline().startswith("a.ten:1:38: error[unknown-name]")
        os.remove(file)
        told = {"\n"}  # One change may reach the command in two parts, and is then told twice.
        while told <= {"\n", "1 error in 1 file (checked 1)\n"}:
            told.add(process.stderr.readline())
        assert told == {"\n", "1 error in 1 file (checked 1)\n", "tenuto: there is no .ten file in `.`\n"}
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert "Traceback" not in process.stderr.read()


def test_a_missing_package_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pygls'] = None; from tenuto.cli.main import run; sys.exit(run(['lsp']))"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=clean_environment(tmp_path),
    )
    assert ran.returncode == 2
    assert ran.stderr == "tenuto: this needs the package `pygls`: run `pip install 'tenuto'`\n"
