"""Random edits and random requests: no error of ours, no crash, the same text, at the end the same findings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tenuto_grammar.text import Encoding
from tests.client import Client, Json
from tests.fuzz import Fuzzer

EXAMPLES = Path(__file__).parent.parent / "examples"
OPEN = ("mlp.ten", "minilm.ten", "lenet.ten", "lstm_tagger.ten", "moe.ten")
PULLS: dict[str, Json] = {"textDocument": {"diagnostic": {}}}
GROWTH = 20.0  # megabytes


def start(client: Client, encoding: Encoding, pulls: bool) -> Json:
    capabilities = {"general": {"positionEncodings": [encoding.value]}, **(PULLS if pulls else {})}
    return client.initialize(capabilities)["capabilities"]


def findings(client: Client, names: Mapping[str, str]) -> dict[str, Json]:
    return {name: client.request("textDocument/diagnostic", client.document(name))["result"]["items"] for name in names}


def memory(client: Client) -> float:
    """The megabytes that the server holds now; none where the system does not tell."""
    status = Path(f"/proc/{client.process.pid}/status")
    if not status.exists():
        return 0.0
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def fuzz(folder: Path, encoding: Encoding, pulls: bool, edits: int, warm: int) -> tuple[float, dict[str, int]]:
    """Edits and asks so often, and holds the server to everything; how much it grew after the first `warm` edits."""
    texts = {name: (EXAMPLES / name).read_text(encoding="utf-8") for name in OPEN}
    (folder / "tenuto.toml").touch()
    with Client(folder) as client:
        fuzzer = Fuzzer(
            client, start(client, encoding, pulls), encoding, texts, seed=edits + len(encoding.value) + pulls
        )
        before = 0.0
        while fuzzer.edits < edits:
            fuzzer.step()
            if fuzzer.edits == warm:
                fuzzer.settle()
                before = memory(client)
            if fuzzer.edits % 250 == 0:
                fuzzer.settle()
                assert not fuzzer.faults
                assert {name: client.text(name) for name in OPEN} == fuzzer.texts()
        fuzzer.settle()
        assert not fuzzer.faults
        assert {name: client.text(name) for name in OPEN} == fuzzer.texts()
        with Client(folder) as fresh:
            start(fresh, encoding, pulls)
            for name, text in fuzzer.texts().items():
                fresh.open(name, text)
            assert findings(client, texts) == findings(fresh, texts)
        fuzzer.restore()
        assert not any(findings(client, texts).values()), "the examples are clean"
        grown = memory(client) - before
        assert client.leave() == 0
        return grown, fuzzer.asked


def test_random_edits_and_requests(tmp_path: Path) -> None:
    fuzz(tmp_path, Encoding.UTF16, True, 150, 50)


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("encoding", "pulls"),
    [(Encoding.UTF8, True), (Encoding.UTF16, False), (Encoding.UTF16, True), (Encoding.UTF32, False)],
)
def test_many_random_edits_and_requests(tmp_path: Path, encoding: Encoding, pulls: bool) -> None:
    grown, asked = fuzz(tmp_path, encoding, pulls, 2_500, 250)
    print(f"{encoding.value}: grew by {grown:.1f} MB; asked {asked}")
    assert grown < GROWTH
