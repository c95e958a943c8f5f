"""`tenuto build` when something is in the way: it says what, and leaves nothing half-written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import load_file, save_file

from tests.command import TENUTO, Command, start

SOURCE = """
model Scale[D](x: f32[B, D]) -> f32[B, D] {
  param gain: f32[D] = normal(std = 1.0)
  return x * gain
}

deploy drawn = Scale[SIZE] { weights: init(seed = 0), dims: { B: 1 .. 8 } }
deploy loaded = Scale[4] { weights: "gain.safetensors", dims: { B: 1 .. 8 } }
deploy outside = Scale[4] { weights: "../gain.safetensors", dims: { B: 1 .. 8 } }
"""


@pytest.fixture
def workspace(tenuto: Command) -> Command:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("SIZE", "4")})
    save_file({"gain": np.arange(4, dtype=np.float32)}, tenuto.folder / "gain.safetensors")
    return tenuto


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_deploy_is_built_and_the_same_again(workspace: Command) -> None:
    first = workspace("build", "model.ten:loaded", "-o", "out")
    assert first.code == 0
    assert left_in(workspace.folder / "out") == ["loaded.onnx", "loaded.safetensors"]
    written = (workspace.folder / "out/loaded.onnx").read_bytes()
    assert workspace("build", "model.ten:loaded", "-o", "out").code == 0
    assert (workspace.folder / "out/loaded.onnx").read_bytes() == written


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ("outside", "lies outside of the workspace"),
    ],
)
def test_what_a_build_cannot_do_is_refused_by_name(workspace: Command, deploy: str, said: str) -> None:
    refused = workspace("build", f"model.ten:{deploy}", "-o", "out")
    assert refused.code == 1
    assert "error[cannot-build]" in refused.out
    assert said in refused.out
    assert not (workspace.folder / "out").exists()


def test_weights_from_outside_are_read_where_that_is_allowed(workspace: Command) -> None:
    inner = workspace.folder / "inner"
    workspace.write({"inner/tenuto.toml": "", "inner/model.ten": SOURCE.replace("SIZE", "4")})
    refused = workspace("build", str(inner / "model.ten:outside"), "-o", "out")
    assert refused.code == 1
    assert workspace("build", str(inner / "model.ten:outside"), "-o", "out", "--allow-outside").code == 0


def test_a_damaged_file_of_weights_is_told_at_the_deploy(workspace: Command) -> None:
    path = workspace.folder / "gain.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    refused = workspace("build", "model.ten:loaded", "-o", "out")
    assert refused.code == 1
    assert "is damaged" in refused.out
    assert 'weights: "gain.safetensors"' in refused.out
    assert not (workspace.folder / "out").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("model.ten:lodaed", "did you mean `loaded`?"),
        ("missing.ten", "cannot read `missing.ten`"),
        ("tenuto.toml", "has no deploy"),
    ],
)
def test_a_target_that_is_not_there_is_misuse(workspace: Command, target: str, said: str) -> None:
    refused = workspace("build", target)
    assert refused.code == 2
    assert said in refused.err


def test_an_error_in_the_source_stops_the_build(workspace: Command) -> None:
    workspace.write({"model.ten": SOURCE.replace("SIZE", "4").replace("x * gain", "x * gian")})
    refused = workspace("build", "model.ten:loaded")
    assert refused.code == 1
    assert "error[unknown-name]" in refused.out


# Minutes of drawing and a file of 64 GB for whom nobody stops, a few megabytes at a time.
ENDLESS = """
model Part[D](x: f32[B, D]) -> f32[B, D] {
  param gain: f32[D] = normal(std = 1.0)
  return x * gain
}

model Endless[D, parts: int](x: f32[B, D]) -> f32[B, D] {
  sub part = [Part[D] for _ in range(parts)]
  var h = x
  for one in part {
    h = one(h)
  }
  return h
}

deploy endless = Endless[4_000_000, 4_000] { weights: init(seed = 0), dims: { B: 1 .. 8 } }
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits of a POSIX system")
@pytest.mark.parametrize(
    ("stop", "emit"),
    [(signal.SIGINT, "onnx"), (signal.SIGTERM, "onnx"), (signal.SIGKILL, "onnx"), (signal.SIGINT, "mlir")],
)
def test_an_interrupted_build_leaves_no_artifact(workspace: Command, stop: signal.Signals, emit: str) -> None:
    workspace.write({"endless.ten": ENDLESS})
    out = workspace.folder / "out"
    with start("build", "endless.ten:endless", "--emit", emit, "-o", "out", folder=workspace.folder) as process:
        while not (out.is_dir() and any(path.stat().st_size for path in out.glob("*.safetensors*"))):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        while process.poll() is None:  # Who is not heard at once says it again.
            process.send_signal(stop)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        _, told = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in told
    assert not {f"endless.{emit}", "endless.safetensors"} & set(left_in(out))
    if stop is signal.SIGINT:
        assert left_in(out) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals and limits of a POSIX system")
@pytest.mark.parametrize("emit", ["onnx", "mlir"])
def test_a_disk_without_room_is_told_and_nothing_is_left(workspace: Command, emit: str) -> None:
    workspace.write({"model.ten": SOURCE.replace("SIZE", "1000000")})
    ran = subprocess.run(
        [*TENUTO, "build", "model.ten:drawn", "--emit", emit, "-o", "out"],
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert ran.returncode == 1
    assert "`drawn` cannot be written" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert left_in(workspace.folder / "out") == []


def test_a_missing_package_gives_the_command_that_installs_it(workspace: Command) -> None:
    program = "import sys; sys.modules['numpy'] = None; from tenuto.cli.main import run; sys.exit(run(sys.argv[1:]))"
    ran = subprocess.run(
        [sys.executable, "-c", program, "build", "model.ten:loaded"],
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert ran.returncode == 2
    assert "pip install 'tenuto[onnx]'" in ran.stderr


HALF = """
model Half[D, E](x: f32[B, D]) -> f32[B, E] {
  param weight: bf16[D, E] = normal(std = 0.02)
  return x @ (weight as f32)
}

deploy half = Half[D = 8, E = 4] { weights: init(seed = 1), dims: { B: 1 .. 8 } }
"""


def test_weights_of_sixteen_bits_stay_so_and_are_cast_where_they_are_used(workspace: Command) -> None:
    workspace.write({"half.ten": HALF})
    assert workspace("build", "half.ten:half", "-o", "out").code == 0
    model = onnx.load(workspace.folder / "out/half.onnx", load_external_data=False)
    assert [tensor.data_type for tensor in model.graph.initializer] == [onnx.TensorProto.BFLOAT16]
    stored = load_file(workspace.folder / "out/half.safetensors")["weight"]
    assert stored.dtype == ml_dtypes.bfloat16
    x = np.random.default_rng(0).standard_normal((3, 8), np.float32)
    session = onnxruntime.InferenceSession(workspace.folder / "out/half.onnx", providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": x})
    np.testing.assert_allclose(result, x @ stored.astype(np.float32), rtol=1e-6)


def test_an_error_in_an_imported_file_stops_the_build(workspace: Command) -> None:
    workspace.write(
        {
            "parts.ten": "fn joined(x: f32[N], y: f32[M]) -> f32[N] = x + y\n",
            "whole.ten": "import parts { joined }\n\nmodel Whole(x: f32[N]) -> f32[N] = joined(x, x)\n\n"
            "deploy whole = Whole { weights: init(seed = 0), dims: { N: 1 .. 8 } }\n",
        }
    )
    refused = workspace("build", "whole.ten:whole", "-o", "out")
    assert refused.code == 1
    assert "parts.ten:1:" in refused.out
    assert not (workspace.folder / "out").exists()


def test_an_optional_input_without_a_default_is_not_left_out_in_silence(workspace: Command) -> None:
    source = "model Sum(x: f32[N], y: f32[N]?) -> f32[N] {\n  if y == none {\n    return x\n  }\n  return x + y\n}\n"
    workspace.write({"sum.ten": f"{source}\ndeploy sum = Sum {{ weights: init(seed = 0), dims: {{ N: 1 .. 8 }} }}\n"})
    refused = workspace("build", "sum.ten:sum")
    assert refused.code == 1
    assert "`y` of `Sum`" in refused.out
