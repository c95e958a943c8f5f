"""`tenuto build` for targets: an artifact for each, in the dtypes and sizes of the target, and what comes next."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto
from safetensors.numpy import load_file

from tests.command import Command

EXAMPLES = Path(__file__).parent.parent / "examples"

SOURCE = """import std.nn { Linear }

model Net(x: float[B, 128]) -> float[B, 256] {
  sub l = Linear[128, 256]
  return relu(l(x))
}

deploy many = Net {
  weights: init(seed = 0),
  precision: bf16,
  target: [TARGETS],
  dims: { B: 16 },
}
"""


def built(tenuto: Command, targets: str, *more: str, code: int = 0) -> str:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("TARGETS", targets)})
    ran = tenuto("build", "model.ten", *more)
    assert ran.code == code, ran.out + ran.err
    return ran.out + ran.err


def files(tenuto: Command) -> list[str]:
    return sorted(path.name for path in tenuto.folder.iterdir() if path.suffix not in (".toml", ".ten"))


def test_each_target_gets_an_artifact_of_the_form_that_it_takes(tenuto: Command) -> None:
    told = built(tenuto, "cpu.x86_64, groq.tsp, google.tpu_v5e, cuda.sm_90")
    assert files(tenuto) == [
        *("many.cpu.x86_64.onnx", "many.cpu.x86_64.safetensors", "many.cuda.sm_90.mlir", "many.cuda.sm_90.safetensors"),
        *("many.google.tpu_v5e.safetensors", "many.google.tpu_v5e.stablehlo.mlir"),
        *("many.groq.tsp.onnx", "many.groq.tsp.safetensors"),
    ]
    assert told.splitlines()[-3:] == [
        "no binary was made: the vendor's compiler comes next",
        "groq.tsp        groq-compiler -o many.groq.tsp many.groq.tsp.onnx",
        "google.tpu_v5e  no public command takes many.google.tpu_v5e.stablehlo.mlir",
    ]


def test_what_the_target_lacks_becomes_what_its_compiler_makes_of_it(tenuto: Command) -> None:
    """The weights too, which are drawn, or read, in that dtype."""
    built(tenuto, "groq.tsp, nvidia.h100")
    for target, dtype, name in (
        ("groq.tsp", TensorProto.FLOAT16, "float16"),
        ("nvidia.h100", TensorProto.BFLOAT16, "bfloat16"),
    ):
        model = onnx.load(tenuto.folder / f"many.{target}.onnx", load_external_data=False)
        assert model.graph.input[0].type.tensor_type.elem_type == dtype
        assert {weight.data_type for weight in model.graph.initializer} == {dtype}
        assert {str(array.dtype) for array in load_file(tenuto.folder / f"many.{target}.safetensors").values()} == {
            name
        }


def test_an_artifact_is_compared_with_the_source_as_its_target_has_it(tenuto: Command) -> None:
    built(tenuto, "groq.tsp, nvidia.h100")
    for target in ("groq.tsp", "nvidia.h100"):
        compared = tenuto("diff", "model.ten:many", f"many.{target}.onnx")
        assert compared.code == 0, compared.out
        assert compared.out.splitlines()[-1] == "all intact; the ledger says what the source says"


def test_one_target_leaves_the_name_as_it_is_and_a_form_may_be_asked_for(tenuto: Command) -> None:
    told = built(tenuto, "nvidia.h200", "--emit", "stablehlo")
    assert files(tenuto) == ["many.safetensors", "many.stablehlo.mlir"]
    assert "nvidia.h200  no public command takes many.stablehlo.mlir" in told


def test_an_option_of_onnx_is_no_option_of_a_target_that_takes_another_form(tenuto: Command) -> None:
    told = built(tenuto, "google.tpu_v5e", "--opset", "22", code=2)
    assert "--opset is an option of ONNX models: leave it out with --emit stablehlo" in told
    assert files(tenuto) == []


def test_what_a_target_cannot_run_is_not_built(tenuto: Command) -> None:
    tenuto.write({"tenuto.toml": "", "model.ten": SOURCE.replace("TARGETS", "groq.tsp").replace("B: 16", "B: 1 .. 16")})
    ran = tenuto("build", "model.ten")
    assert (ran.code, ran.err) == (1, "not built: 1 error\n")
    assert "`B` is open, and `groq.tsp` takes fixed sizes alone" in ran.out
    assert files(tenuto) == []


def test_the_program_of_the_blog_is_built_and_runs_and_reads_back(tenuto: Command) -> None:
    ran = tenuto("build", str(EXAMPLES / "blog.ten"))
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "groq.tsp  groq-compiler -o my_module my_module.onnx"
    read = tenuto("inspect", "my_module.onnx")
    assert "model my_module(x: f32[1, 784]) -> f16[1, 10]" in read.out
    assert "precision mixed" in read.out
    compared = tenuto("diff", str(EXAMPLES / "blog.ten"), "my_module.onnx")
    assert not any(line.startswith(("  changed", "  lost")) for line in compared.out.splitlines()), compared.out
    ran = tenuto("run", "my_module.onnx")
    assert ran.code == 0, ran.err
    assert "f16[1, 10]" in ran.out


def test_an_opset_that_the_target_does_not_take_is_refused(tenuto: Command) -> None:
    own = '[targets.old]\ninherits = "nvidia.h100"\nopset = { lowest = 20, highest = 22, source = "klockwood" }\n'
    tenuto.write({"tenuto.toml": own, "model.ten": SOURCE.replace("TARGETS", "old")})
    assert tenuto("build", "model.ten", "--opset", "22").code == 0
    ran = tenuto("build", "model.ten", "--opset", "23", "-o", "out")
    assert (ran.code, ran.err) == (1, "tenuto: `many` cannot be built: `old` takes opsets 20 to 22, not 23\n")
    assert not (tenuto.folder / "out").exists()
