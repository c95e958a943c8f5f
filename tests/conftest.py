"""Runs the Markdown under tests/spec as tests, offers the command line to tests, and holds skips to account."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings

from tenuto_analysis.compat import override
from tests.command import Command
from tests.markdown import rerun, sections
from tests.voice import VOICE, keep_or_fail

# A busy machine is slow, which is no mistake. In continuous integration every run draws the same examples.
settings.register_profile(
    "tenuto", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("tenuto")

ROOT = Path(__file__).parent.parent
MANUALS = (ROOT / "tests" / "spec", ROOT / "tests" / "hazards")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="keep what is found now in the Markdown tests")


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    if file_path.suffix == ".md" and any(file_path.is_relative_to(folder) for folder in MANUALS):
        document: MarkdownFile = MarkdownFile.from_parent(parent, path=file_path)
        return document
    return None


@pytest.fixture
def tenuto(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, capsys, monkeypatch)


class MarkdownFile(pytest.File):
    @override
    def collect(self) -> Iterator[pytest.Item]:
        for section in sections(self.path.read_text(encoding="utf-8")):
            item: MarkdownTest = MarkdownTest.from_parent(self, name=section.name)
            yield item


class MarkdownTest(pytest.Item):
    """One section."""

    funcargs: ClassVar[dict[str, object]] = {}  # pytest-lsp looks for its client here, and fails where it cannot.

    @override
    def runtest(self) -> None:
        document = self.path.read_text(encoding="utf-8")
        (section,) = (section for section in sections(document) if section.name == self.name)
        old = document[section.start : section.end]
        new = rerun(old, VOICE)
        keep_or_fail(self.path, document, document[: section.start] + new + document[section.end :], self.config)

    @override
    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


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
