"""The shape of the code base: which way imports point, how long a module is, that it says what it is for."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each package may import beside itself and the standard library.
MAY_IMPORT = {
    "grammar/tenuto_grammar": {"lark", "msgspec"},
    "analysis/tenuto_analysis": {"tenuto_grammar", "msgspec", "typing_extensions"},
    "backend/tenuto_backend": {"tenuto_grammar", "tenuto_analysis", "msgspec", "numpy", "ml_dtypes"}
    | {"gguf", "google", "graphlay", "iree", "matplotlib", "onnx", "onnxruntime", "safetensors"},
    "server/tenuto_server": {
        "tenuto_grammar",
        "tenuto_analysis",
        "tenuto_backend",
        "tenuto",
        "msgspec",
        "lsprotocol",
        "pygls",
        "pygments",
    },
    "server/tenuto": {"tenuto_grammar", "tenuto_analysis", "tenuto_backend", "tenuto_server", "tqdm", "watchfiles"},
}

PROTOCOL = {path.relative_to(ROOT).as_posix() for path in (ROOT / "server/tenuto_server/protocol").glob("*.py")}

# What only the named modules may import: it is heavy, or it belongs at one edge.
ONLY_IN = {
    "gguf": {"backend/tenuto_backend/weights/gguf.py"},
    "graphlay": {"backend/tenuto_backend/picture/layout.py"},
    "google": {
        "backend/tenuto_backend/onnx/structure.py",
        "backend/tenuto_backend/runtime/artifact.py",
        "backend/tenuto_backend/weights/onnx.py",
    },
    "onnxruntime": {"backend/tenuto_backend/runtime/onnxruntime.py"},
    "iree": {"backend/tenuto_backend/iree/worker.py"},
    "lark": {"grammar/tenuto_grammar/lark_tables.py"},
    "lsprotocol": PROTOCOL,
    "pygls": PROTOCOL,
    "pygments": {"server/tenuto_server/highlighting/pygments.py"},
    "tqdm": {"server/tenuto/cli/build.py"},
    "watchfiles": {"server/tenuto/cli/watch.py"},
    "typing_extensions": {"analysis/tenuto_analysis/compat.py"},
}

MOST_LINES = 500
LONGER = {
    "analysis/tenuto_analysis/types.py": "the closed union of all that an expression can be, read in one go",
    "grammar/tenuto_grammar/syntax.py": "the whole syntax tree, read in one go",
    "analysis/tenuto_analysis/normal_form.py": "one algebra: terms and their normal form need each other",
}

# What a check or a layout without news must not load.
HEAVY = {
    "tenuto_analysis.database",
    "tenuto_grammar.lexer",
    "msgspec",
    "lark",
    "numpy",
    "onnx",
    "pygls",
    "rich",
    "watchfiles",
    "json",
}

MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
WEBSITE = sorted((ROOT / "website").glob("*.py"))  # It is no stage: it may show all of them, and nothing imports it.


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports name their package (line {node.lineno})"
            yield node, node.module or ""
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_the_right_way(path: Path) -> None:
    home = "/".join(name_of(path).split("/")[:2])
    for node, module in imported(path):
        package = module.split(".")[0]
        allowed = package == home.split("/")[1] or package in MAY_IMPORT[home] or package in sys.stdlib_module_names
        assert allowed, f"{home} may not import {package} (line {node.lineno})"
        assert name_of(path) in ONLY_IN.get(package, {name_of(path)}), f"{package} is not for this module"


@pytest.mark.parametrize("path", [*MODULES, *WEBSITE], ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for inner in ast.walk(outer):
                assert not isinstance(inner, ast.Import | ast.ImportFrom), f"a hidden cycle? (line {inner.lineno})"


@pytest.mark.parametrize("path", [*MODULES, *WEBSITE], ids=name_of)
def test_modules_can_be_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "say what the module is for"
    lines = text.count("\n")
    if name_of(path) in LONGER:
        assert lines > MOST_LINES, "it is short enough now: take it out of LONGER"
    else:
        assert lines <= MOST_LINES, "split it along a noun"


def test_packages_are_those_of_the_table() -> None:
    rows = [line for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines() if "| `" in line]
    told = {f"{row.split('`')[1]}{row.split('|')[3].strip(' `')}" for row in rows[: len(MAY_IMPORT)]}
    assert told == set(MAY_IMPORT)


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_a_run_without_news_loads_nothing_heavy(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.ten").write_text("fn f(x: f32[N]) -> f32[N] = x\n", encoding="utf-8")
    program = (
        "import os, sys; os.environ['TENUTO_CACHE_DIR'] = sys.argv[1] + '/cache'; from tenuto.cli.main import run; "
        "code = run([sys.argv[2], sys.argv[1], '--quiet']); print(code, *sys.modules)"
    )
    process = [sys.executable, "-c", program, str(tmp_path), command]
    subprocess.run(process, capture_output=True, check=True)
    ran = subprocess.run(process, capture_output=True, text=True, check=True)
    code, *loaded = ran.stdout.split()
    assert code == "0", ran.stdout + ran.stderr
    assert not HEAVY & set(loaded)
