"""Draws `docs/check.svg`, the picture of a real run in the README; `python -m tests.picture` draws it anew."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.command import TENUTO

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "check.svg"
SHOWN = ["1_sizes.ten", "2_divisibility.ten"]
COLUMNS = 100

# The frame of the picture; fonts are those that the reader has.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; \
line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw() -> str:
    """The picture of what `tenuto check` says of the first two programs of the tour."""
    ran = subprocess.run(
        [*TENUTO, "check", *SHOWN, "--no-cache", "--color", "always"],
        cwd=ROOT / "docs" / "tour",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(f"$ tenuto check {' '.join(SHOWN)}", style="bold", highlight=False)
    console.print(Text.from_ansi(ran.stdout + ran.stderr))
    return console.export_svg(title="tenuto check", code_format=FRAME)


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
