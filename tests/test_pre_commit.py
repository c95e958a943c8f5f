"""The hooks with pre-commit itself, which installs Tenuto from this checkout into an environment of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import hooks
from tests.command import CLEAN, FAULTY
from tests.guide import files

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

ROOT = Path(__file__).parent.parent
MESSY = "fn   double( x:f32[N] )->f32[N]=x+x\n"


class Setting(NamedTuple):
    """Who uses the hooks: the variables of the process, and the repository of the hooks."""

    variables: dict[str, str]
    repository: Path


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("hooks")
    variables = hooks.environment(folder)
    hooks.repository(folder / "tenuto-repository", variables, "v0.1.0")
    yield Setting(variables, folder / "tenuto-repository")


def project(folder: Path, texts: dict[str, str], setting: Setting) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    hooks.commit(folder, setting.variables)


def try_repo(folder: Path, setting: Setting) -> tuple[int, dict[str, str], str]:
    """The exit code, what is said of each hook, and all that is said."""
    command = [*hooks.PRE_COMMIT, "try-repo", str(setting.repository), "--all-files", "--verbose"]
    ran = hooks.run(*command, folder=folder, variables=setting.variables)
    verdicts = re.findall(r"^(tenuto \w+)\.+(?:\(no files to check\))?(\w+)$", ran.stdout, re.MULTILINE)
    return ran.returncode, dict(verdicts), ran.stdout


def test_clean_files_pass(setting: Setting, tmp_path: Path) -> None:
    project(tmp_path, {"a.ten": CLEAN, "b.ten": CLEAN, "notes.md": "a.ten"}, setting)
    code, verdicts, said = try_repo(tmp_path, setting)
    assert verdicts == {"tenuto check": "Passed", "tenuto fmt": "Passed"}, said
    assert code == 0
    assert "checked 2 files" in said


def test_a_mistake_fails_and_is_shown(setting: Setting, tmp_path: Path) -> None:
    project(tmp_path, {"a.ten": CLEAN, "b.ten": FAULTY}, setting)
    code, verdicts, said = try_repo(tmp_path, setting)
    assert verdicts == {"tenuto check": "Failed", "tenuto fmt": "Passed"}, said
    assert code == 1
    assert "error[unknown-name]" in said
    assert "b.ten:1:38" in said


def test_a_file_that_is_not_laid_out_fails_and_is_laid_out(setting: Setting, tmp_path: Path) -> None:
    project(tmp_path, {"a.ten": MESSY}, setting)
    code, verdicts, said = try_repo(tmp_path, setting)
    assert verdicts == {"tenuto check": "Passed", "tenuto fmt": "Failed"}, said
    assert code == 1
    assert "files were modified by this hook" in said
    assert (tmp_path / "a.ten").read_text(encoding="utf-8") == CLEAN
    assert try_repo(tmp_path, setting)[0] == 0


def test_other_files_are_left_alone(setting: Setting, tmp_path: Path) -> None:
    project(tmp_path, {"a.py": "x  =  1\n"}, setting)
    code, verdicts, said = try_repo(tmp_path, setting)
    assert verdicts == {"tenuto check": "Skipped", "tenuto fmt": "Skipped"}, said
    assert code == 0


def test_the_configuration_of_the_page_keeps_a_mistake_out_of_a_commit(setting: Setting, tmp_path: Path) -> None:
    page = files((ROOT / "docs" / "ci.md").read_text(encoding="utf-8"))
    configuration = page[".pre-commit-config.yaml"].replace("/path/to/tenuto", str(setting.repository))
    project(tmp_path, {".pre-commit-config.yaml": configuration}, setting)
    installed = hooks.run(*hooks.PRE_COMMIT, "install", folder=tmp_path, variables=setting.variables)
    assert installed.returncode == 0, installed.stdout
    for text, kept in ((FAULTY, False), (CLEAN, True)):
        (tmp_path / "a.ten").write_text(text, encoding="utf-8")
        hooks.git("add", "a.ten", folder=tmp_path, variables=setting.variables)
        said = hooks.run("git", "commit", "--message", "a", folder=tmp_path, variables=setting.variables)
        assert (said.returncode == 0) is kept, said.stdout
        assert ("error[unknown-name]" in said.stdout) is not kept
