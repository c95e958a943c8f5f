"""The guides are true: whoever follows one sees what it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.command import Command
from tests.guide import GUIDES, followed, timeless
from tests.record_guide import RECORD, programs, trained
from tests.voice import keep_or_fail

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("guide", GUIDES)
def test_who_follows_a_guide_sees_what_it_shows(guide: str, tenuto: Command, pytestconfig: pytest.Config) -> None:
    path = ROOT / "docs" / guide
    document = path.read_text(encoding="utf-8")
    furnish(tenuto, guide)
    new = followed(document, tenuto)
    if timeless(new) != timeless(document):
        keep_or_fail(path, document, new, pytestconfig)


def furnish(tenuto: Command, guide: str) -> None:
    """What PyTorch leaves in the reader's folder."""
    if guide == "pytorch.md":
        save_file(trained(), tenuto.folder / "sentiment.safetensors")
        shutil.copy(RECORD, tenuto.folder / "expected.npz")


def test_the_record_is_of_the_programs_in_the_guide() -> None:
    with np.load(RECORD) as record:
        assert {name: str(record[name]) for name in programs()} == programs()
