"""A running code-server with the extension installed, that ends with all that it started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.vscode.tools import Tools, run

MARK = "TENUTO_VSCODE_TEST"
PATIENCE = 120.0


@contextmanager
def studio(tools: Tools, home: Path, packages: Sequence[Path], settings: Mapping[str, object]) -> Iterator[str]:
    """The address of a VS Code for one user, whose home is `home`, with packaged extensions."""
    user, extensions = home / "data", home / "extensions"
    for scope in ("User", "Machine"):  # What names a command counts on this machine alone, where the editor is remote.
        (user / scope).mkdir(parents=True)
        (user / scope / "settings.json").write_text(json.dumps(dict(settings)), encoding="utf-8")
    config = home / "config.yaml"
    config.write_text("auth: none\n", encoding="utf-8")
    command = [str(tools.node), str(tools.code_server.resolve()), "--config", str(config)]
    command += ["--user-data-dir", str(user), "--extensions-dir", str(extensions)]
    environment = {
        "HOME": str(home),
        "PATH": f"{tools.node.parent}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin",
        MARK: str(home),
    }
    installed = [part for package in packages for part in ("--install-extension", str(package))]
    run([*command, *installed], home, environment)
    command += ["--bind-addr", "127.0.0.1:0", "--auth", "none", "--disable-telemetry", "--disable-update-check"]
    command += ["--disable-getting-started-override", "--disable-proxy", "-e", "--reconnection-grace-time", "5"]
    command += ["--vscode-option", "enable-smoke-test-driver"]  # For tests that run inside the editor.
    log = home / "code-server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _address(process, log)
    finally:
        _end(process, str(home))


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text(encoding="utf-8", errors="replace"))
        if found is not None:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"code-server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Asks code-server and all that it started to end, then makes them."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 10
        while alive := _marked(mark):
            for number in alive:
                try:
                    os.kill(number, sent)
                except ProcessLookupError:
                    continue
            process.poll()
            if time.monotonic() > end:
                break
            time.sleep(0.2)
    process.wait(timeout=10)


def _marked(mark: str) -> list[int]:
    """The processes that carry the mark in their environment; those that have ended have none."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables:
            found.append(int(path.parent.name))
    return found
