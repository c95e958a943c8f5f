"""The programs in the documentation say what is true: findings stand below their lines, as in the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.markdown import rerun_document
from tests.voice import VOICE, keep_or_fail

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["index.md", "language.md"])
def test_a_page_is_true(page: str, pytestconfig: pytest.Config) -> None:
    path = DOCS / page
    document = path.read_text(encoding="utf-8")
    keep_or_fail(path, document, rerun_document(document, VOICE), pytestconfig)
