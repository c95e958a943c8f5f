"""Many files at once: the work is divided among processes, and nobody can tell from what is found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from tenuto.cli import analyse
from tests.command import CLEAN, FAULTY, UNUSED, Command, Result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

USER = "import m00 { double }\n\nfn four(x: f32[N]) -> f32[N] = double(double(x))\n"
FILES = {f"m{number:02}.ten": (CLEAN, FAULTY, UNUSED, USER)[number % 4] for number in range(60)}


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were forked."""
    made: list[int] = []
    fork = os.fork

    def counted() -> int:
        process = fork()
        if process:
            made.append(process)
        return process

    monkeypatch.setattr("os.fork", counted)
    return made


@pytest.fixture
def check(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Result]:
    tenuto.write(FILES)

    def with_processors(count: int) -> Result:
        monkeypatch.setattr(analyse, "_processors", lambda: count)
        return tenuto("check", "--no-cache")

    return with_processors


def test_many_processes_find_what_one_finds(check: Callable[[int], Result], forks: list[int]) -> None:
    alone = check(1)
    assert (alone.code, forks) == (1, [])
    assert alone.err == "15 errors and 15 warnings in 30 files (checked 60); --fix mends 15\n"
    assert check(3) == alone
    assert len(forks) == 2


def test_a_process_that_dies_is_stood_in_for(
    check: Callable[[int], Result], forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = check(1)
    monkeypatch.setattr("marshal.dumps", lambda found: 1 // 0)
    assert check(2) == alone
    assert len(forks) == 1
