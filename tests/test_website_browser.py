"""The documentation site in a browser: the search finds, a button copies, and nothing comes from elsewhere."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tenuto_analysis.compat import override
from tests.debian import Missing, install
from tests.test_website import site

__all__ = ["site"]  # The fixture that builds the site.

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]

PATIENCE = 120  # Seconds, on a busy machine.


class Quiet(http.server.SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Tab:
    """A page of Chromium, spoken to through two pipes by its DevTools protocol: JSON, each message ended by a 0."""

    def __init__(self, chromium: str, profile: Path) -> None:
        commands, self._out = os.pipe()
        self._into, answers = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4, whatever numbers the pipes have here.
        script = 'exec "$0" "$@" 3<&"$COMMANDS" 4>&"$ANSWERS"'
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", script, chromium, *options, "about:blank"],
            env={**os.environ, "COMMANDS": str(commands), "ANSWERS": str(answers)},
            pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._numbers = iter(range(1, 1_000_000))
        self._unread = b""
        self._session: str | None = None
        self.fetched: list[str] = []
        (target,) = [item for item in self._ask("Target.getTargets")["targetInfos"] if item["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self._ask("Network.enable")

    def open(self, address: str) -> None:
        self._ask("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """What the script gives, run as if somebody had clicked: only then may a page copy."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        return answer["result"].get("value")

    def wait(self, script: str) -> Any:
        """What the script gives as soon as it gives something."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"still nothing: {script}"
            time.sleep(0.1)
        return value

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._into)

    def _ask(self, method: str, **parameters: object) -> Any:
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("method") == "Network.requestWillBeSent":
                self.fetched.append(told["params"]["request"]["url"])
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    def _next(self) -> Any:
        while b"\0" not in self._unread:
            read = os.read(self._into, 1 << 16)
            assert read, "Chromium has ended"
            self._unread += read
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    try:
        install(("chromium",))
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    chromium = shutil.which("chromium")
    assert chromium is not None
    opened = Tab(chromium, tmp_path / "profile")
    yield opened
    opened.close()


def test_the_search_finds_an_operator_and_nothing_is_fetched_from_elsewhere(tab: Tab, address: str) -> None:
    tab.open(f"{address}/index.html?q=grouped_query_attention")
    first = tab.wait("document.querySelector('.md-search-result__link')?.href")
    assert first.startswith(f"{address}/library/std.attention.html")
    for page in ("library/std.nn.html", "examples/mlp.html", "pytorch.html"):
        tab.open(f"{address}/{page}")
        tab.wait("document.readyState === 'complete' && document.querySelector('h1')?.innerText")
    assert len(tab.fetched) > 10
    assert [url for url in tab.fetched if not url.startswith((f"{address}/", "data:", "blob:"))] == []


def test_a_button_copies_the_program_without_its_findings(tab: Tab, address: str) -> None:
    tab.open(f"{address}/rules/dimension-mismatch.html")
    copies = "document.querySelector('.language-tenuto .md-code__button[data-md-type=copy]')"
    tab.wait(f"Boolean({copies})")
    # What the theme hands to the browser to copy; the clipboard itself is nobody's without a window.
    tab.run("document.execCommand = () => { window.copied = String(getSelection()); return true }")
    copied = tab.wait(f"{copies}.click(), window.copied")
    assert copied.startswith("fn logits(")
    assert "^" not in copied
