"""Runs the Markdown under tests/spec as tests, offers the command line to tests, and holds skips to account."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.command import Command

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "tests" / "spec"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="keep what is found now in the Markdown tests")


@pytest.fixture
def tenuto(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, capsys, monkeypatch)


def allowed_skips() -> list[str]:
    """The tests that CONTRIBUTING.md allows to be skipped: the list items below its heading `Skips`."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"^## Skips\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^- `([^`]+)`", section[1], re.MULTILINE) if section else []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI set, a skip that nobody allowed fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    allowed = allowed_skips()
    for skipped in reporter.stats.get("skipped", []):
        if not any(skipped.nodeid.startswith(prefix) for prefix in allowed):
            reporter.write_line(f"skipped, and not allowed by CONTRIBUTING.md: {skipped.nodeid}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
