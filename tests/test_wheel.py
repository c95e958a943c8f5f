"""The wheel, with the base install alone, in an empty environment: what users get works without a single extra."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenuto.cli.main import COMMANDS
from tests.client import Client
from tests.command import CLEAN, FAULTY

ROOT = Path(__file__).parent.parent
MESSY = "fn   double( x:f32[N] )->f32[N]=x+x\n"


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, folder=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment that has the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("empty")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    assert made.returncode == 0, made.stderr
    interpreter = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    installed = run(sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet", wheel, folder=folder)
    assert installed.returncode == 0, installed.stderr
    yield interpreter


def test_what_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    sources = [
        path.relative_to(ROOT / root).as_posix()
        for root in ("grammar", "analysis", "backend", "server")
        for path in (ROOT / root).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert "tenuto_grammar/tables.bin" in names
    assert sorted(name for name in names if ".dist-info/" not in name) == sorted(sources)


def test_the_base_install_checks_lays_out_and_explains(python: Path, tmp_path: Path) -> None:
    tenuto = python.parent / "tenuto"
    (tmp_path / "clean.ten").write_text(CLEAN, encoding="utf-8")
    (tmp_path / "faulty.ten").write_text(FAULTY, encoding="utf-8")
    (tmp_path / "messy.ten").write_text(MESSY, encoding="utf-8")
    checked = run(tenuto, "check", ".", "--format", "concise", "--no-cache", folder=tmp_path)
    assert checked.returncode == 1, checked.stderr
    assert checked.stdout.startswith("faulty.ten:1:38: error[unknown-name]")
    assert checked.stderr == "1 error in 1 file (checked 3)\n"
    laid = run(tenuto, "fmt", "messy.ten", folder=tmp_path)
    assert laid.returncode == 0, laid.stderr
    assert (tmp_path / "messy.ten").read_text(encoding="utf-8") == CLEAN
    assert run(tenuto, "explain", "matmul", folder=tmp_path).stdout.startswith("# matmul\n")
    assert run(tenuto, "explain", "unknown-name", folder=tmp_path).stdout.startswith("# unknown-name\n")


def test_the_base_install_serves_an_editor(python: Path, tmp_path: Path) -> None:
    with Client(tmp_path, [str(python.parent / "tenuto"), "lsp"]) as client:
        client.initialize()
        client.open("a.ten", FAULTY)
        (diagnostic,) = client.heard("textDocument/publishDiagnostics")["diagnostics"]
        assert diagnostic["code"] == "unknown-name"
        assert client.leave() == 0


def test_the_base_install_checks_from_python_and_says_what_more_needs(python: Path, tmp_path: Path) -> None:
    (tmp_path / "faulty.ten").write_text(FAULTY, encoding="utf-8")
    checked = run(python, "-c", "import tenuto; print(*tenuto.check('faulty.ten'))", folder=tmp_path)
    assert checked.stdout.startswith("faulty.ten:1:38: error[unknown-name] "), checked.stderr
    loaded = run(python, "-c", "import tenuto; tenuto.load('faulty.ten')", folder=tmp_path)
    assert loaded.returncode == 1
    assert "ModuleNotFoundError: this needs the package `" in loaded.stderr
    assert loaded.stderr.endswith("run `pip install 'tenuto[onnx]'`\n")
    ran = run(python.parent / "tenuto", "run", "faulty.ten", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.endswith("run `pip install 'tenuto[run]'`\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_base_install_has_the_help_of_every_command(python: Path, tmp_path: Path, command: str) -> None:
    told = run(python.parent / "tenuto", command, "--help", folder=tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: tenuto {command} ")


def test_the_base_install_is_light(python: Path, tmp_path: Path) -> None:
    program = (
        "import importlib.util as u; print(*(m for m in ('lark', 'numpy', 'onnx', 'rich', 'mypy') if u.find_spec(m)))"
    )
    assert run(python, "-c", program, folder=tmp_path).stdout == "\n"
