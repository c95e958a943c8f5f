"""SARIF output is SARIF 2.1.0: `sarif_om`, which its authors generated from the schema, knows every property in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module

import attr
import pytest

from tests.command import CLEAN, FAULTY, UNUSED, Command

# Which class of the schema an object is, by the property that it stands in.
CLASSES = {
    "": "SarifLog",
    "runs": "Run",
    "tool": "Tool",
    "driver": "ToolComponent",
    "rules": "ReportingDescriptor",
    "help": "MultiformatMessageString",
    "results": "Result",
    "message": "Message",
    "locations": "Location",
    "relatedLocations": "Location",
    "physicalLocation": "PhysicalLocation",
    "artifactLocation": "ArtifactLocation",
    "region": "Region",
    "deletedRegion": "Region",
    "insertedContent": "ArtifactContent",
    "fixes": "Fix",
    "description": "Message",
    "artifactChanges": "ArtifactChange",
    "replacements": "Replacement",
}


def faults(value: object, name: str = "") -> Iterator[str]:
    """What the schema does not allow: unknown properties and missing ones."""
    if isinstance(value, list):
        for item in value:
            yield from faults(item, name)
    if isinstance(value, dict):
        fields = attr.fields(getattr(import_module("sarif_om"), CLASSES[name]))
        known = {field.metadata["schema_property_name"]: field for field in fields}
        yield from (f"{name}: {key} is not of the schema" for key in value.keys() - known.keys())
        required = {key for key, field in known.items() if field.default is attr.NOTHING}
        yield from (f"{name}: {key} is missing" for key in required - value.keys())
        for key, inner in value.items():
            yield from faults(inner, key)


def test_the_check_finds_faults() -> None:
    assert [*faults({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "colour": 1}]})] == [
        "runs: colour is not of the schema",
        "driver: name is missing",
    ]


def test_sarif(tenuto: Command) -> None:
    tenuto.write({"a b.ten": "# 😀\n" + UNUSED, "c.ten": FAULTY})
    document = json.loads(tenuto("check", "--format", "sarif").out)
    assert [*faults(document)] == []
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["unknown-name", "unused-import"]
    assert rules[1]["help"]["markdown"].startswith("# unused-import\n")
    unused, unknown = run["results"]
    assert (unused["ruleId"], unused["ruleIndex"], unused["level"]) == ("unused-import", 1, "warning")
    assert (unknown["ruleId"], unknown["ruleIndex"], unknown["level"]) == ("unknown-name", 0, "error")
    place = unused["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.ten"}
    assert place["region"] == {
        "startLine": 2,
        "startColumn": 17,
        "endLine": 2,
        "endColumn": 23,
        "charOffset": 20,
        "charLength": 6,
    }
    assert unused["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": ""}


def test_sarif_of_nothing(tenuto: Command) -> None:
    tenuto.write({"a.ten": CLEAN})
    document = json.loads(tenuto("check", "--format", "sarif").out)
    assert [*faults(document)] == []
    assert document["runs"][0]["results"] == []


def test_a_file_elsewhere_has_an_absolute_address(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tenuto.write({"a.ten": FAULTY, "here/b.ten": CLEAN})
    monkeypatch.chdir(tenuto.folder / "here")
    document = json.loads(tenuto("check", "..", "--format", "sarif").out)
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == (tenuto.folder / "a.ten").as_uri()
