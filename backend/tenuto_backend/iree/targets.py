"""What IREE makes machine code for, by the names that a deploy and `--target` give it."""

from __future__ import annotations

import re

from msgspec import Struct

from tenuto_backend.weights.beside import ArtifactError

HOST = "cpu"
"""The processor of this machine, with all that it can do."""

NAMES = (
    *(HOST, "cpu.x86_64", "cpu.aarch64", "cuda.sm_80", "cuda.sm_89", "cuda.sm_90"),
    *("rocm.gfx942", "rocm.gfx950", "rocm.gfx1100", "vulkan", "metal"),
)

_BASELINES = {"x86_64": "x86-64-v3", "aarch64": "generic"}
"""The processor that a name without one means: what machines of the last ten years have."""

_VULKAN = "rdna3"
"""What Vulkan is for where no GPU is named: one whose subgroups have 32 lanes, as most have."""

_TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "aarch64": "aarch64-unknown-linux-gnu"}
_NAME = re.compile(r"[A-Za-z0-9_-]+")

_CPU = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu")
_TILED = (
    "--iree-opt-level=O2",
    "--iree-opt-data-tiling=true",
    "--iree-dispatch-creation-enable-aggressive-fusion=false",
)
_ALWAYS = ("--iree-input-demote-f64-to-f32=false",)
_CAREFUL = "--iree-opt-level=O1"
"""One more fuses sums with what follows: what IREE 3.13 then cannot distribute among the threads of a GPU, and what is
no faster on a processor, where GPT-2 does not compile with it."""

_STACK = "--iree-llvmcpu-stack-allocation-limit=262144"
"""Tiles of the largest processors need more than the 32 KB that are allowed otherwise."""


class Target(Struct, frozen=True):
    """A target: how the compiler is told, with the tries that come in turn where one fails.

    `device` is what a runtime calls the devices that run it; `devices`, where the compiler's options do not know the
    target, is written into the module.
    """

    name: str
    device: str
    tries: tuple[tuple[str, ...], ...]
    devices: str | None = None


def target(name: str) -> Target:
    """The target of a name; raises `ArtifactError` where IREE has none."""
    kind, _, rest = name.partition(".")
    match kind:
        case "cpu" if not rest:
            return _cpu(name, ("--iree-llvmcpu-target-cpu=host",))
        case "cpu":
            architecture, _, processor = rest.partition(".")
            if architecture in _TRIPLES and (not processor or _NAME.fullmatch(processor)):
                triple = f"--iree-llvmcpu-target-triple={_TRIPLES[architecture]}"
                processor = processor or _BASELINES[architecture]
                return _cpu(name, (triple, f"--iree-llvmcpu-target-cpu={processor}"))
        case "cuda" if re.fullmatch(r"sm_\d+a?", rest):
            return _cuda(name, rest)
        case "rocm" if re.fullmatch(r"gfx[0-9a-f]+", rest):
            return _other(name, "hip", "--iree-hal-target-device=hip", f"--iree-rocm-target={rest}")
        case "vulkan" if not rest or _NAME.fullmatch(rest):
            chosen = f"--iree-vulkan-target={rest or _VULKAN}"
            return _other(name, "vulkan", "--iree-hal-target-device=vulkan", chosen)
        case "metal" if not rest:
            return _other(name, "metal", "--iree-hal-target-device=metal")
        case _:
            pass
    raise ArtifactError(f"IREE makes no code for `{name}`: it does for {', '.join(NAMES)}, {_MORE}")


_MORE = (
    "for processors by name (`cpu.x86_64.znver4`) and for other GPUs (`cuda.sm_86`, `rocm.gfx1201`, `vulkan.ampere`)"
)


def _cpu(name: str, chosen: tuple[str, ...]) -> Target:
    """Tiles in memory are worth a third of the time; should a program not compile with them, it does without."""
    plain = (*_CPU, *chosen, *_ALWAYS, _STACK)
    return Target(name, "local-task", ((*plain, *_TILED), (*plain, _CAREFUL)))


def _other(name: str, device: str, *flags: str) -> Target:
    return Target(name, device, ((*flags, *_ALWAYS, _CAREFUL),))


def _cuda(name: str, architecture: str) -> Target:
    """IREE 3.13 makes PTX for any architecture, but its options know none of Hopper and Blackwell."""
    number = int(architecture.removeprefix("sm_").rstrip("a"))
    flags = ("--iree-hal-target-device=cuda", f"--iree-cuda-target={architecture}")
    if number < 90 or number == 120:
        return _other(name, "cuda", *flags)
    described = _HOPPER.format(architecture=architecture, ptx="+ptx80" if number < 100 else "+ptx86")
    return Target(name, "cuda", ((*_ALWAYS, _CAREFUL),), described)


_HOPPER = (
    '[#hal.device.target<"cuda", [#hal.executable.target<"cuda", "cuda-nvptx-fb", {{iree_codegen.target_info = '
    '#iree_gpu.target<arch = "{architecture}", features = "{ptx}", wgp = <compute = '
    "fp64|fp32|fp16|int64|int32|int16|int8, storage = b64|b32|b16|b8, subgroup = shuffle|arithmetic, "
    "dot = dp4xi8toi32, mma = [<NV_MMA_SYNC_F32_16x8x16_F16>, <NV_MMA_SYNC_F16_16x8x16_F16>, "
    "<NV_MMA_SYNC_F32_16x8x16_BF16>, "
    "<NV_WMMA_F32_16x16x16_F16>, <NV_WMMA_F16_16x16x16_F16>], subgroup_size_choices = [32], max_workgroup_sizes = "
    "[1024, 1024, 1024], max_thread_count_per_workgroup = 1024, max_workgroup_memory_bytes = 166912, "
    "max_workgroup_counts = [2147483647, 65535, 65535]>>}}>]> : !hal.device]"
)
"""As IREE describes `sm_80`, under another name."""
