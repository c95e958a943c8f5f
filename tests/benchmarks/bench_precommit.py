"""What the hooks cost in pre-commit: a warm run over the examples, beside the same run with hooks that do nothing.

Run by `./dev bench precommit`. Whole commands; the medians of interleaved rounds. pre-commit installs Tenuto from this
checkout first, which is not counted.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests import hooks
from tests.benchmarks.processes import Job, interleaved, table, verdict

OURS = """repos:
  - repo: {repository}
    rev: v0.1.0
    hooks:
      - id: tenuto-check
      - id: tenuto-fmt
"""
NOTHING = """repos:
  - repo: local
    hooks:
      - &nothing
        id: first
        name: first
        entry: "true"
        language: system
        files: \\.ten$
        types: [text]
        require_serial: true
      - <<: *nothing
        id: second
"""
PEER = "pre-commit, hooks that do nothing"
HOOKS = "pre-commit, tenuto-check and tenuto-fmt"
ROUNDS = 9
BAR = 0.3  # seconds


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = hooks.environment(folder)
        repository = folder / "tenuto-repository"
        hooks.repository(repository, variables, "v0.1.0")
        project = folder / "project"
        shutil.copytree(hooks.ROOT / "examples", project, ignore=shutil.ignore_patterns("models"))
        (project / "ours.yaml").write_text(OURS.format(repository=repository), encoding="utf-8")
        (project / "nothing.yaml").write_text(NOTHING, encoding="utf-8")
        hooks.commit(project, variables)
        commands = {
            kind: [*hooks.PRE_COMMIT, "run", "--all-files", "--config", configuration]
            for kind, configuration in ((PEER, "nothing.yaml"), (HOOKS, "ours.yaml"))
        }
        for command in commands.values():  # Makes the environment and fills the cache.
            ran = hooks.run(*command, folder=project, variables=variables)
            if ran.returncode != 0:
                raise RuntimeError(ran.stdout)
        costs = interleaved({kind: Job(command, project, variables) for kind, command in commands.items()}, ROUNDS)
    table(costs, PEER)
    return 0 if verdict("seconds more than pre-commit itself", costs[HOOKS].wall - costs[PEER].wall, BAR) else 1


if __name__ == "__main__":
    sys.exit(main())
