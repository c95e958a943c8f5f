"""A module in a process of its own, and what is said when that process is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import weakref
from collections.abc import Sequence
from importlib.util import find_spec

from tenuto_backend.iree.messages import Failed, Load, Loaded, Message, Ran, Run, Tensor, receive, send
from tenuto_backend.runtime.base import RunError


class Process:
    """A module that is loaded, and runs when it is asked to."""

    def __init__(self, name: str, asked: Load) -> None:
        """Starts it; raises `RunError` where the module cannot be loaded."""
        if find_spec("iree") is None or find_spec("iree.runtime") is None:
            raise ModuleNotFoundError("No module named 'iree.runtime'", name="iree.runtime")
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tenuto_backend.iree.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.id = self._process.pid
        self.end = weakref.finalize(self, _end, self._process)
        answer = self._ask(asked, "load")
        assert isinstance(answer, Loaded)
        self.loaded = answer

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Raises `RunError`."""
        answer = self._ask(Run([*tensors]), "run")
        assert isinstance(answer, Ran)
        return answer.tensors

    def _ask(self, message: Load | Run, verb: str) -> Message:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None and answers is not None
        try:
            send(given, message)
            found = receive(answers)
        except (EOFError, BrokenPipeError) as error:
            raise RunError(f"`{self._name}` broke down: {self._ended()}") from error
        except BaseException:
            self.end()  # The user has interrupted us, in the middle of an answer.
            raise
        if isinstance(found, Failed):
            raise RunError(f"IREE cannot {verb} `{self._name}`: {found.reason}")
        return found

    def _ended(self) -> str:
        code = self._process.wait()
        return f"its process ended by {signal.Signals(-code).name}" if code < 0 else f"its process ended with {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
