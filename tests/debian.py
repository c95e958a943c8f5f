"""Programs from Debian's archive, for the tests that start real clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Missing(Exception):
    """A tool is not here and cannot be installed; says what to do."""


def install(packages: tuple[str, ...]) -> None:
    """Installs packages that are not here, if that may be done."""
    query = shutil.which("dpkg-query")
    if query is None:
        raise Missing(f"these are packages of Debian, and this system is none: {', '.join(packages)}")
    missing = [name for name in packages if not _is_installed(query, name)]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise Missing(f"Debian packages are missing, and only root can install them: sudo {' '.join(command)}")
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    _apt("apt-get", "update", "--quiet", *wait)
    _apt(*command, *wait)


def unpack(release: str, packages: tuple[str, ...], folder: Path) -> Path:
    """Packages of another release in a folder of their own, which needs no root and changes nothing of the system."""
    if shutil.which("apt-get") is None or not KEYRING.exists():
        raise Missing(f"these are packages of Debian, and this system is none: {', '.join(packages)}")
    told = _apt("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main")
    archives = sorted(line for line in set(told.split()) if line.rstrip("/").endswith("/debian"))
    if not archives:
        raise Missing("apt knows no archive of Debian")
    sources = folder / "sources.list"
    for name in ("lists/partial", "cache/archives/partial", "root"):
        (folder / name).mkdir(parents=True)
    sources.write_text(f"deb [signed-by={KEYRING}] {archives[0]} {release} main\n", encoding="utf-8")
    apart = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
    }
    options = [part for name, value in apart.items() for part in ("-o", f"{name}={value}")]
    _apt("apt-get", *options, "update", "--quiet", folder=folder)
    _apt("apt-get", *options, "download", *packages, folder=folder)
    for archive in folder.glob("*.deb"):
        _apt("dpkg-deb", "--extract", str(archive), str(folder / "root"))
    return folder / "root"


def _is_installed(query: str, name: str) -> bool:
    command = [query, "--show", "--showformat=${db:Status-Status}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout == "installed"


def _apt(*command: str, folder: Path | None = None) -> str:
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if ran.returncode != 0:
        raise Missing(f"`{' '.join(command)}` ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return ran.stdout
