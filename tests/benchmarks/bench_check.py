"""`tenuto check` of 60 modules made of the examples, beside Pyrefly and ty on PyTorch modules that say the same.

Run by `./dev bench check`. Whole commands in processes of their own. Cold is without Tenuto's cache; unchanged and one
file touched are with it. These check what the peers can check, shapes and types: without the graphs of deploys, from
which ranges and targets are told; with them is a line of its own. Pyrefly reads the shapes, by its stubs of PyTorch; ty
does not know shapes and gets the same modules without them, and no PyTorch. The peers have no cache on disk: their cold
run is their only one. They are installed into `.bench`, which git ignores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from itertools import count
from pathlib import Path

from tests.benchmarks import programs, torch_modules
from tests.benchmarks.processes import TENUTO, Job, interleaved, table, verdict

MODULES = 60
LINES = 7_000
HOME = Path(__file__).parents[2] / ".bench"
PEERS = ("pyrefly==1.4.1", "ty==0.0.104")
STUBS = (
    "pyrefly-torch-stubs==1.4.0",
    "pyrefly-shape-extensions==1.4.0",
)  # Without PyTorch itself, hence no dependencies.

COLD, UNCHANGED, TOUCHED = "tenuto, cold", "tenuto, unchanged", "tenuto, one file touched"
GRAPHS = "tenuto, cold, with ranges and targets"
PYREFLY, TY = "pyrefly, shapes", "ty, no shapes"


def main() -> int:
    programs_of_peers = installed()
    with tempfile.TemporaryDirectory() as name:
        ours, pyreflys, tys = (Path(name) / folder for folder in ("tenuto", "pyrefly", "ty"))
        for folder in (ours, pyreflys, tys):
            folder.mkdir()
        lines = programs.write_modules(ours, MODULES, LINES)
        theirs = torch_modules.write_modules(pyreflys, MODULES, LINES, shapes=True)
        torch_modules.write_modules(tys, MODULES, LINES, shapes=False)
        interpreter = programs_of_peers / "python"
        (pyreflys / "pyrefly.toml").write_text(
            f'python-version = "3.13"\npython-interpreter-path = "{interpreter}"\n', encoding="utf-8"
        )
        print(f"  {MODULES} modules: {lines} lines of Tenuto, {theirs} of Python")
        environment = {**os.environ, "TENUTO_CACHE_DIR": str(Path(name) / "cache")}
        serial = count()
        touched = ours / "module07.ten"
        text = touched.read_text(encoding="utf-8")

        def touch() -> None:
            touched.write_text(f"{text}\n# {next(serial)}\n", encoding="utf-8")

        ty_options = ["--python", sys.prefix, "--python-version", "3.13", "--exit-zero"]
        check = [TENUTO, "check", "--no-graphs"]
        jobs = {
            PYREFLY: Job([str(programs_of_peers / "pyrefly"), "check"], pyreflys, environment),
            TY: Job([str(programs_of_peers / "ty"), "check", *ty_options], tys, environment),
            COLD: Job([*check, "--no-cache"], ours, environment),
            UNCHANGED: Job(check, ours, environment),
            TOUCHED: Job(check, ours, environment, touch),
            GRAPHS: Job([TENUTO, "check", "--no-cache"], ours, environment),
        }
        subprocess.run(check, cwd=ours, env=environment, check=True, capture_output=True)
        interleaved(jobs, 1)  # Everything is read once, so that no run pays for the disk.
        costs = interleaved(jobs)
    table(costs, PYREFLY)
    peer = costs[PYREFLY]
    met = [
        verdict("cold, wall", costs[COLD].wall / peer.wall, 1.5),
        verdict("cold, memory", costs[COLD].memory / peer.memory, 1.5),
        verdict("unchanged, wall", costs[UNCHANGED].wall / peer.wall, 0.25),
        verdict("one file touched, wall", costs[TOUCHED].wall / peer.wall, 0.5),
    ]
    return 0 if all(met) else 1


def installed() -> Path:
    """The folder of the peers' programs, made where it is missing."""
    folder = HOME / "peers"
    stamp = HOME / "stamp"
    wanted = " ".join((*PEERS, *STUBS))
    programs_folder = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if not (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(programs_folder / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, *PEERS], check=True)
        subprocess.run([*pip, "--no-deps", *STUBS], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return programs_folder


if __name__ == "__main__":
    sys.exit(main())
