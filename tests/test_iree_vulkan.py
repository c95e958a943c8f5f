"""Machine code for Vulkan, run on a processor: Mesa's lavapipe, from Debian, through IREE's own command.

A subgroup has 8 lanes there, and 32 on the GPUs that IREE makes code for: what its code sums within a subgroup is right
up to 8 elements (measured: 8 are right, 9 are not), so that the sizes here stay below.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tenuto
from tests.debian import Missing, install
from tests.one_node import agree
from tests.test_models import EXAMPLES

pytestmark = pytest.mark.heavy

DRIVER = Path("/usr/share/vulkan/icd.d") / f"lvp_icd.{os.uname().machine}.json"
PACKAGES = ("libvulkan1", "mesa-vulkan-drivers")


@pytest.fixture(scope="module")
def driver() -> Path:
    try:
        install(PACKAGES)
    except Missing as missing:
        pytest.skip(str(missing))
    return DRIVER


@pytest.mark.parametrize("target", ["vulkan", "vulkan.ampere"])
@pytest.mark.parametrize(
    ("example", "name", "sizes"),
    [
        ("mlp", "digits_small", {"B": 3}),
        ("minilm", "small_encoder", {"B": 1, "S": 7}),
        ("minilm", "small_encoder", {"B": 3, "S": 8}),
    ],
)
def test_a_small_deploy_gives_the_numbers_of_the_reference_on_vulkan(
    example: str, name: str, sizes: dict[str, int], target: str, driver: Path, tmp_path: Path
) -> None:
    """The runtime of Python imports no buffer there, so the command runs it."""
    deploy = tenuto.load(EXAMPLES / f"{example}.ten").deploy(name)
    made = deploy.to_vmfb(tmp_path / "model.vmfb", target=target)
    inputs = deploy.draw(0, **sizes)
    command = [
        str(Path(sys.executable).with_name("iree-run-module")),
        "--device=vulkan",
        f"--module={made.path}",
        f"--function={made.record.function}",
        f"--parameters=model={tmp_path / 'model.safetensors'}",
        f"--output=@{tmp_path / 'out.npy'}",
    ]
    for at, array in enumerate(inputs.values()):
        np.save(tmp_path / f"{at}.npy", array)
        command.append(f"--input=@{tmp_path / f'{at}.npy'}")
    environment = {**os.environ, "VK_DRIVER_FILES": str(driver)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr
    agree([*deploy.evaluate(**inputs).values()], [np.load(tmp_path / "out.npy")], 10.0)
