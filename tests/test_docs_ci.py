"""What docs/ci.md hands to others is what they take: pre-commit, GitHub, and a shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hooks
from tests.command import CLEAN, FAULTY, clean_environment
from tests.guide import files

ROOT = Path(__file__).parent.parent
PAGE = files((ROOT / "docs" / "ci.md").read_text(encoding="utf-8"))
WORKFLOWS = [name for name in PAGE if name.startswith(".github/workflows/")]
COMMANDS = re.findall(r"^ +- run: (tenuto .*)$", "".join(PAGE[name] for name in WORKFLOWS), re.MULTILINE)


def test_pre_commit_takes_the_hooks_and_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(PAGE[".pre-commit-config.yaml"], encoding="utf-8")
    manifest = ROOT / ".pre-commit-hooks.yaml"
    for arguments in (["validate-manifest", str(manifest)], ["validate-config", "config.yaml"]):
        ran = hooks.run(*hooks.PRE_COMMIT, *arguments, folder=tmp_path, variables=hooks.environment(tmp_path))
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_as_github_wants_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "workflow.yml").write_text(PAGE[name], encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", "workflow.yml"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", [CLEAN, FAULTY], ids=["clean", "faulty"])
def test_the_commands_of_the_workflows(text: str, tmp_path: Path) -> None:
    assert len(COMMANDS) == 3
    (tmp_path / "model.ten").write_text(text, encoding="utf-8")
    variables = {**clean_environment(tmp_path), "PATH": hooks.environment(tmp_path)["PATH"]}
    codes = {
        command: subprocess.run(command, shell=True, cwd=tmp_path, env=variables, capture_output=True, check=False)
        for command in COMMANDS
    }
    failing = [command for command, ran in codes.items() if ran.returncode]
    assert failing == ([] if text == CLEAN else ["tenuto check . --format github"])
    assert all(codes[command].returncode == 1 for command in failing)
    found = json.loads((tmp_path / "findings.sarif").read_text(encoding="utf-8"))
    assert len(found["runs"][0]["results"]) == (0 if text == CLEAN else 1)
