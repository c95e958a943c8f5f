"""The on-disk cache: it saves the work, it never changes what is found, and nothing that is wrong with it is seen."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tenuto.cli.analyse import Analyzer
from tenuto_grammar import format as formatter
from tenuto_server import kept
from tests.command import CLEAN, FAULTY, UNUSED, Command, start

LIBRARY = "fn double(x: f32[N]) -> f32[N] = x + x\n"
USER = "import library { double }\n\nfn four(x: f32[N]) -> f32[N] = double(double(x))\n"
FILES = {"clean.ten": CLEAN, "faulty.ten": FAULTY, "unused.ten": UNUSED, "library.ten": LIBRARY, "user.ten": USER}


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The names of the files that were analysed since the last call."""
    files: list[str] = []
    original = Analyzer.entries

    def entries(analyzer: Analyzer, missed: list[str]) -> object:
        files.extend(Path(file).name for file in missed)
        return original(analyzer, missed)

    def taken() -> list[str]:
        names = [*files]
        files.clear()
        return names

    monkeypatch.setattr(Analyzer, "entries", entries)
    return taken


def cache_file(tenuto: Command) -> Path:
    (file,) = (tenuto.folder / ".cache").iterdir()
    return file


def test_what_did_not_change_is_not_analysed(tenuto: Command, analysed: Callable[[], list[str]]) -> None:
    tenuto.write(FILES)
    first = tenuto("check")
    assert sorted(analysed()) == sorted(FILES)
    assert tenuto("check") == first
    assert analysed() == []


def test_what_changed_is_analysed(tenuto: Command, analysed: Callable[[], list[str]]) -> None:
    tenuto.write(FILES)
    tenuto("check")
    analysed()
    tenuto.write({"clean.ten": FAULTY})
    assert "clean.ten" in tenuto("check").out
    assert analysed() == ["clean.ten"]


def test_what_imports_what_changed_is_analysed(tenuto: Command, analysed: Callable[[], list[str]]) -> None:
    tenuto.write(FILES)
    before = tenuto("check")
    analysed()
    tenuto.write({"library.ten": LIBRARY.replace("double", "twice")})
    assert "user.ten" in tenuto("check").out
    assert sorted(analysed()) == ["library.ten", "user.ten"]
    (tenuto.folder / "library.ten").unlink()
    assert "user.ten" in tenuto("check").out
    assert analysed() == ["user.ten"]
    tenuto.write({"library.ten": LIBRARY})
    assert tenuto("check") == before


def test_settings_choose_among_what_is_kept(tenuto: Command, analysed: Callable[[], list[str]]) -> None:
    tenuto.write({"tenuto.toml": "", **FILES})
    tenuto("check")
    analysed()
    tenuto.write({"tenuto.toml": "ignore = ['unknown-name', 'unused-import']"})
    assert tenuto("check").code == 0
    assert analysed() == []


def damages() -> dict[str, Callable[[bytes], bytes]]:
    chance = random.Random(1)

    def flip(data: bytes) -> bytes:
        at = chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]

    return {
        "empty": lambda data: b"",
        "half": lambda data: data[: len(data) // 2],
        "longer": lambda data: data + b"x",
        "foreign": lambda data: b"\x89PNG\r\n" + bytes(range(256)),
        "header": lambda data: data[:20],
        **{f"flipped-{number}": flip for number in range(20)},
        **{f"cut-{number}": lambda data: data[: chance.randrange(len(data))] for number in range(10)},
    }


@pytest.mark.parametrize("damage", damages().values(), ids=[*damages()])
def test_a_damaged_cache_is_made_again_in_silence(tenuto: Command, damage: Callable[[bytes], bytes]) -> None:
    tenuto.write(FILES)
    first = tenuto("check")
    file = cache_file(tenuto)
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert tenuto("check") == first
    assert file.read_bytes()[:15] == good[:15]
    assert tenuto("check") == first


def test_a_cache_that_cannot_be_written_is_done_without(tenuto: Command) -> None:
    tenuto.write(FILES)
    first = tenuto("check", "--no-cache")
    (tenuto.folder / ".cache").write_bytes(b"a file where the folder should be")
    assert tenuto("check") == first
    (tenuto.folder / ".cache").unlink()
    assert tenuto("check") == first
    file = cache_file(tenuto)
    file.unlink()
    file.mkdir()
    assert tenuto("check") == first
    assert [*file.parent.iterdir()] == [file]


DEPLOYED = """\
fn twice(x: f32[B]) -> f32[B] = x + x

model Twice(x: f32[B]) -> f32[B] {
  return twice(x)
}

deploy small = Twice { weights: init(seed = 0), target: groq.tsp }
"""


def test_what_is_found_without_graphs_is_kept_apart(tenuto: Command) -> None:
    tenuto.write({"deployed.ten": DEPLOYED})
    for _ in range(2):
        assert tenuto("check", "--no-graphs").code == 0
        found = tenuto("check")
        assert found.code == 1
        assert "target-dynamic-size" in found.out


def test_no_cache(tenuto: Command) -> None:
    tenuto.write(FILES)
    tenuto("check", "--no-cache")
    tenuto("check", "-", stdin=CLEAN.encode())
    assert not (tenuto.folder / ".cache").exists()


def test_another_build_of_tenuto_has_another_cache(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    tenuto.write(FILES)
    tenuto("check")
    monkeypatch.setattr("tenuto.cli.cache._build", lambda: b"another")
    tenuto("check")
    assert len([*(tenuto.folder / ".cache").iterdir()]) == 2


def test_the_folder_stays_small(tenuto: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_FILES", 3)
    for number in range(6):
        tenuto.write({f"w{number}/a.ten": FAULTY})
        tenuto("check", f"w{number}")
    assert len([*(tenuto.folder / ".cache").iterdir()]) == 3
    monkeypatch.setattr(kept, "LARGEST_FOLDER", 10)
    tenuto.write({"w9/a.ten": FAULTY})
    assert tenuto("check", "w9").code == 1
    assert [*(tenuto.folder / ".cache").iterdir()] == []


def test_files_that_are_gone_are_forgotten(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", **{f"m{number}.ten": FAULTY for number in range(50)}})
    tenuto("check")
    large = cache_file(tenuto).stat().st_size
    for number in range(1, 50):
        (tenuto.folder / f"m{number}.ten").unlink()
    tenuto.write({"m0.ten": CLEAN})
    tenuto("check")
    assert cache_file(tenuto).stat().st_size < large / 10


def test_many_at_once(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"m{number}.ten").write_text(FAULTY, encoding="utf-8")
    with ExitStack() as running:
        started = [start("check", "--format", "concise", folder=tmp_path) for _ in range(6)]
        processes = [running.enter_context(process) for process in started]
        results = {(*process.communicate(), process.returncode) for process in processes}
    assert len(results) == 1
    assert next(iter(results))[2] == 1
    (file,) = (tmp_path / ".cache").iterdir()
    assert file.suffix == ".cache"


# ------------------------------------------------------------------------------------------------- what is laid out

MESSY = "fn   double( x:f32[N] )->f32[N]=x+x\n"
LAID = {"a.ten": MESSY, "b.ten": CLEAN, "c.ten": "fn f( -> = x\n", "d.ten": LIBRARY + "# another\n"}


@pytest.fixture
def formatted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The texts that were laid out since the last call."""
    texts: list[str] = []
    original = formatter.format

    def format_text(text: str) -> object:
        texts.append(text)
        return original(text)

    def taken() -> list[str]:
        found = [*texts]
        texts.clear()
        return found

    monkeypatch.setattr(formatter, "format", format_text)
    return taken


def test_what_is_laid_out_is_not_laid_out_again(tenuto: Command, formatted: Callable[[], list[str]]) -> None:
    tenuto.write(LAID)
    assert tenuto("fmt", "--check").code == 1
    assert sorted(formatted()) == sorted(LAID.values())
    again = tenuto("fmt", "--check")
    assert again.out == "would lay out a.ten\n"
    assert "cannot lay out c.ten" in again.err
    assert sorted(formatted()) == sorted([LAID["a.ten"], LAID["c.ten"]])
    tenuto("fmt")
    tenuto("fmt")
    assert tenuto.read("a.ten") == CLEAN
    formatted()
    tenuto.write({"b.ten": MESSY, "c.ten": LAID["d.ten"]})
    assert tenuto("fmt").err == "1 file changed, 3 as they should be\n"
    assert formatted() == [MESSY]


def test_laying_out_without_a_cache(tenuto: Command, formatted: Callable[[], list[str]]) -> None:
    tenuto.write(LAID)
    tenuto("fmt", "--check", "--no-cache")
    tenuto("fmt", "-", stdin=CLEAN.encode())
    assert not (tenuto.folder / ".cache").exists()
    tenuto("fmt", "--check")
    formatted()
    tenuto("fmt", "--check", "--no-cache")
    assert len(formatted()) == len(LAID)


@pytest.mark.parametrize("damage", damages().values(), ids=[*damages()])
def test_a_damaged_cache_of_what_is_laid_out_is_made_again(
    tenuto: Command, formatted: Callable[[], list[str]], damage: Callable[[bytes], bytes]
) -> None:
    tenuto.write({"b.ten": CLEAN})
    first = tenuto("fmt", "--check")
    file = cache_file(tenuto)
    file.write_bytes(damage(file.read_bytes()))
    formatted()
    assert tenuto("fmt", "--check") == first
    assert formatted() == [CLEAN]
    assert tenuto("fmt", "--check") == first
    assert formatted() == []


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"TENUTO_CACHE_DIR": "/own"}, "/own"),
        ({"TENUTO_CACHE_DIR": "", "XDG_CACHE_HOME": "/xdg"}, "/xdg/tenuto"),
        ({"TENUTO_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/tenuto"),
    ],
)
def test_where_caches_are(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert kept.cache_folder() == folder
