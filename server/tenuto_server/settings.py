"""Where a workspace begins and what its author asks for: `tenuto.toml`, or `[tool.tenuto]` in `pyproject.toml`.

Both the command line and the language server read settings here. A mistake in them is a `SettingsError` that says where
it is and which names are near.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Literal, NamedTuple

import tenuto_analysis


class SettingsError(Exception):
    """A mistake in a settings file, worded for its author."""


class Settings(NamedTuple):
    """What a settings file says; `root` is the folder that it stands in, or a file's own folder where there is none.

    `path` is the file, `targets` are the profiles in it, as TOML gives them: `profiles.py` holds them against what a
    profile may say.
    """

    root: str
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    severity: Mapping[str, Literal["error", "warning"]] = {}
    targets: Mapping[str, object] = {}
    path: str = ""
    strict_ranges: bool = False


class SettingsFinder:
    """Finds the settings of files; each folder is looked at once."""

    def __init__(self) -> None:
        self._by_folder: dict[str, Settings | None] = {}

    def of(self, file: str) -> Settings:
        """The settings in force for a file, by its absolute path."""
        folder = os.path.dirname(file)
        return self._above(folder) or Settings(folder)

    def of_folder(self, folder: str) -> Settings:
        return self._above(folder) or Settings(folder)

    def _above(self, folder: str) -> Settings | None:
        if folder not in self._by_folder:
            settings = _read_folder(folder)
            parent = os.path.dirname(folder)
            if settings is None and parent != folder:
                settings = self._above(parent)
            self._by_folder[folder] = settings
        return self._by_folder[folder]


def rule_names() -> list[str]:
    """The names of all rules, read from their pages, so that the analyzer need not be loaded."""
    pages = os.path.join(tenuto_analysis.__path__[0], "diagnostics", "explain")
    return sorted(page[: -len(".md")] for page in os.listdir(pages) if page.endswith(".md"))


def near(name: str, names: list[str]) -> str:
    """`; did you mean ...?`, where a name is near, else nothing."""
    found = get_close_matches(name, names, n=1)
    return f"; did you mean `{found[0]}`?" if found else ""


def _read_folder(folder: str) -> Settings | None:
    own = os.path.join(folder, "tenuto.toml")
    try:
        with open(own, "rb") as opened:
            return _settings(folder, own, _parse(own, opened.read()))
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise SettingsError(f"cannot read {own}: {error.strerror}") from error

    shared = os.path.join(folder, "pyproject.toml")
    try:
        with open(shared, "rb") as opened:
            data = opened.read()
    except OSError:
        return None
    if b"tool.tenuto" not in data:
        return None
    tool = _parse(shared, data).get("tool")
    table = tool.get("tenuto") if isinstance(tool, dict) else None
    return _settings(folder, shared, table) if isinstance(table, dict) else None


def _parse(path: str, data: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error


def _settings(folder: str, path: str, table: dict[str, object]) -> Settings:
    settings = Settings(folder, path=path)
    for key, value in table.items():
        reader = _READERS.get(key)
        if reader is None:
            raise SettingsError(f"{path}: there is no setting `{key}`{near(key, [*_READERS])}")
        settings = reader(settings, path, value)
    return settings


def _read_select(settings: Settings, path: str, value: object) -> Settings:
    return settings._replace(select=frozenset(_rules(path, "select", _strings(path, "select", value))))


def _read_ignore(settings: Settings, path: str, value: object) -> Settings:
    return settings._replace(ignore=frozenset(_rules(path, "ignore", _strings(path, "ignore", value))))


def _read_exclude(settings: Settings, path: str, value: object) -> Settings:
    return settings._replace(exclude=tuple(_strings(path, "exclude", value)))


def _read_severity(settings: Settings, path: str, value: object) -> Settings:
    if not isinstance(value, dict):
        raise SettingsError(f'{path}: `severity` is a table, as in `severity = {{ unused-import = "error" }}`')
    severity: dict[str, Literal["error", "warning"]] = {}
    for rule, level in value.items():
        _rules(path, "severity", [rule])
        if level == "error":
            severity[rule] = "error"
        elif level == "warning":
            severity[rule] = "warning"
        else:
            raise SettingsError(f'{path}: the severity of `{rule}` is "error" or "warning", not {level!r}')
    return settings._replace(severity=severity)


def _read_targets(settings: Settings, path: str, value: object) -> Settings:
    if not isinstance(value, dict):
        raise SettingsError(
            f'{path}: `targets` is a table of profiles, as in `[targets.board]` with `inherits = "groq.tsp"`'
        )
    return settings._replace(targets=value)


def _read_strict_ranges(settings: Settings, path: str, value: object) -> Settings:
    if not isinstance(value, bool):
        raise SettingsError(f"{path}: `strict-ranges` is true or false")
    return settings._replace(strict_ranges=value)


_READERS: dict[str, Callable[[Settings, str, object], Settings]] = {
    "select": _read_select,
    "ignore": _read_ignore,
    "exclude": _read_exclude,
    "severity": _read_severity,
    "targets": _read_targets,
    "strict-ranges": _read_strict_ranges,
}


def _strings(path: str, key: str, value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [item for item in value if isinstance(item, str)]
    raise SettingsError(f"{path}: `{key}` is a list of strings")


def _rules(path: str, key: str, rules: list[str]) -> list[str]:
    names = rule_names()
    for rule in rules:
        if rule not in names:
            raise SettingsError(f"{path}: `{key}` names no rule `{rule}`{near(rule, names)}")
    return rules
