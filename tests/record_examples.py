"""Writes `data/examples.npz`: what the public implementations of the examples' architectures compute.

And `data/flops.json`: how many parameters they have, and how many operations PyTorch counts in the same runs.

Run by hand where an example is added: `pip install torch==2.13.0 transformers==5.23.0 timm==1.0.31`, then
`python -m tests.record_examples`. The tests need the file alone: weights are drawn from their names, here and there.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RECORD = Path(__file__).parent / "data" / "examples.npz"
COUNTS = RECORD.parent / "flops.json"
Renames = Sequence[tuple[str, str]]


def weight(path: str, shape: Sequence[int]) -> npt.NDArray[np.float32]:
    """The weight of a name: always the same, of a size that keeps activations near 1."""
    random = np.random.RandomState(zlib.crc32(path.encode()))  # Its stream is frozen, unlike that of newer generators.
    drawn: npt.NDArray[np.float64]
    if path.endswith("running_var"):
        drawn = random.uniform(0.5, 1.5, shape)
    else:
        drawn = random.standard_normal(shape) / np.sqrt(max(1, int(np.prod(shape[1:]))))
        if len(shape) == 1 and path.endswith("weight"):
            drawn = drawn + 1
    return drawn.astype(np.float32)


def normal(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    drawn: npt.NDArray[np.float32] = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    return drawn


def below(limit: int, seed: int, *shape: int) -> npt.NDArray[np.int64]:
    drawn: npt.NDArray[np.int64] = np.random.RandomState(seed).randint(0, limit, shape).astype(np.int64)
    return drawn


def renamed(name: str, renames: Renames) -> str:
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


BERT: Renames = (
    (r"^embeddings\.LayerNorm", "embeddings.norm"),
    (r"^encoder\.", ""),
    (r"attention\.self", "attention"),
    (r"attention\.output\.LayerNorm", "attention_norm"),
    (r"^(layer\.\d+\.)output\.LayerNorm", r"\1output_norm"),
    (r"^(layer\.\d+\.)(intermediate|output)\.dense", r"\1\2"),
    (r"^pooler\.dense", "pooler"),
)
MOBILENET: Renames = (
    (r"^conv_stem", "stem.conv"),
    (r"^bn1\.", "stem.norm."),
    (r"^blocks\.5\.0\.conv", "last.conv"),
    (r"^blocks\.5\.0\.bn1", "last.norm"),
    (r"^conv_head", "classifier.0"),
    (r"^classifier\.(weight|bias)", r"classifier.1.\1"),
    (r"^blocks\.0\.0\.conv_pw", "features.0.project.conv"),
    (r"^blocks\.0\.0\.bn1", "features.0.depthwise.norm"),
    (r"^blocks\.0\.0\.bn2", "features.0.project.norm"),
    (r"^blocks\.0\.0", "features.0"),
    *(
        (rf"^blocks\.{stage}\.{i}\.", f"features.{start + i}.")
        for stage, start in ((1, 1), (2, 3), (3, 6), (4, 8))
        for i in (0, 1, 2)
    ),
    (r"conv_pwl", "project.conv"),
    (r"conv_pw", "expand.conv"),
    (r"conv_dw", "depthwise.conv"),
    (r"(features.*)bn1", r"\1expand.norm"),
    (r"(features.*)bn2", r"\1depthwise.norm"),
    (r"(features.*)bn3", r"\1project.norm"),
    (r"se\.conv_reduce", "squeeze.fc1"),
    (r"se\.conv_expand", "squeeze.fc2"),
)
LITE: Renames = (
    (r"^conv_stem", "_conv_stem"),
    (r"^bn1", "_bn0"),
    (r"^bn2", "_bn1"),
    (r"^conv_head", "_conv_head"),
    (r"^classifier", "_fc"),
    (r"^blocks\.0\.0\.conv_pw", "_blocks.0._project_conv"),
    (r"^blocks\.0\.0\.bn", "_blocks.0._bn"),
    (r"^blocks\.0\.0\.conv_dw", "_blocks.0._depthwise_conv"),
    *(
        (rf"^blocks\.{stage}\.{i}\.", f"_blocks.{start + i}.")
        for stage, start in ((1, 1), (2, 3), (3, 5), (4, 8), (5, 11), (6, 15))
        for i in (0, 1, 2, 3)
    ),
    (r"conv_pwl", "_project_conv"),
    (r"conv_pw", "_expand_conv"),
    (r"conv_dw", "_depthwise_conv"),
    *((rf"(_blocks\.\d+\.)bn{i}", rf"\1_bn{i - 1}") for i in (1, 2, 3)),
)
RESNET: Renames = (
    (r"^(layer\d)\.0\.", r"\1.first."),
    *((rf"^(layer\d)\.{i}\.", rf"\1.rest.{i - 1}.") for i in (1, 2, 3, 4, 5)),
)


def record() -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    """The cases, in which an array stands as its key, and the arrays by key; and what is counted, by example."""
    torch, transformers, timm = import_module("torch"), import_module("transformers"), import_module("timm")
    nn = torch.nn
    counter = import_module("torch.utils.flop_counter").FlopCounterMode
    index: list[dict[str, Any]] = []
    counts: dict[str, dict[str, int]] = {}
    arrays: dict[str, Any] = {}

    def keep(value: Any) -> str:
        arrays[key := f"a{len(arrays)}"] = value.detach().numpy() if hasattr(value, "detach") else value
        return key

    def case(
        example: str,
        deploy: str,
        theirs: Any,
        given: list[npt.NDArray[Any]],
        compute: Callable[..., Any],
        renames: Renames = (),
        tied: tuple[str, ...] = (),
    ) -> None:
        """`theirs` gets the weights by our names, and `compute` the inputs, as PyTorch's tensors."""
        theirs.eval()
        names: list[str] = []
        for name, value in theirs.state_dict().items():
            if "num_batches" in name or name in tied:
                continue
            if name.endswith("mlp.experts.gate_up_proj"):
                value.copy_(torch.from_numpy(experts(name.replace("mlp.experts.gate_up_proj", ""), value.shape)))
                names += expert_names(name.replace("mlp.experts.gate_up_proj", ""), len(value), ("w1", "w3"))
            elif name.endswith("mlp.experts.down_proj"):
                paths = expert_names(name.replace("mlp.experts.down_proj", ""), len(value), ("w2",))
                value.copy_(torch.from_numpy(np.stack([weight(path, value.shape[1:]) for path in paths])))
                names += paths
            else:
                names.append(renamed(name, renames))
                ours = OURS_SHAPES.get(names[-1], tuple(value.shape))
                value.copy_(torch.from_numpy(weight(names[-1], ours)).reshape(value.shape))
        with torch.no_grad():
            results = compute(*(torch.from_numpy(value) for value in given))
        if hasattr(theirs, "set_attn_implementation"):
            theirs.set_attn_implementation("eager")  # Fused attention is not counted in full.
        with torch.no_grad(), counter(display=False) as counted:
            compute(*(torch.from_numpy(value) for value in given))
        parameters = sum(value.numel() for value in theirs.parameters())  # Each once, those that are tied too.
        statistics = sum(value.numel() for name, value in theirs.named_buffers() if "running_" in name)
        counts[example] = {
            "flops": counted.get_total_flops(),
            "parameters": parameters,
            "statistics": statistics,
        }
        index.append(
            {
                "example": example,
                "deploy": deploy,
                "weights": sorted(names),
                "inputs": [keep(value) for value in given],
                "results": [keep(value) for value in (results if isinstance(results, tuple) else (results,))],
            }
        )

    def expert_names(prefix: str, count: int, parts: tuple[str, ...]) -> list[str]:
        inside = prefix.removeprefix("model.") + "block_sparse_moe.experts"
        return [f"{inside}.{expert}.{part}.weight" for expert in range(count) for part in parts]

    def experts(prefix: str, shape: Sequence[int]) -> npt.NDArray[np.float32]:
        count, double, width = shape
        halves = [weight(path, (double // 2, width)) for path in expert_names(prefix, count, ("w1", "w3"))]
        return np.stack([np.concatenate(halves[2 * expert : 2 * expert + 2]) for expert in range(count)])

    # timm has the first layer of the head as a 1 x 1 convolution, torchvision and we as a dense layer.
    OURS_SHAPES: Mapping[str, tuple[int, ...]] = {"classifier.0.weight": (1024, 576)}

    ids, segments = below(128, 1, 2, 7), below(2, 2, 2, 7)
    mask = np.arange(7) < np.array([[7], [4]])
    config = {"vocab_size": 128, "num_hidden_layers": 2, "max_position_embeddings": 64}
    bert = transformers.BertModel(
        transformers.BertConfig(hidden_size=32, num_attention_heads=4, intermediate_size=64, **config)
    )
    case(
        "bert",
        "bert_small",
        bert,
        [ids, segments, mask],
        lambda i, s, m: tuple(bert(i, m.long(), s, return_dict=False)),
        (*BERT[:2], (r"attention\.output\.dense", "attention.dense"), *BERT[2:]),
    )
    sentence = transformers.BertModel(
        transformers.BertConfig(hidden_size=24, num_attention_heads=3, intermediate_size=48, **config),
        add_pooling_layer=False,
    )

    def embed(i: Any, m: Any) -> Any:
        states = sentence(i, m.long()).last_hidden_state
        return nn.functional.normalize((states * m[..., None]).sum(1) / m.sum(1, keepdim=True), dim=-1)

    case(
        "minilm",
        "small_encoder",
        sentence,
        [ids, mask],
        embed,
        (*BERT[:2], (r"attention\.output\.dense", "attention_output"), *BERT[2:]),
    )
    gpt2 = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=128, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=1
        )
    )
    case(
        "gpt2",
        "small_generator",
        gpt2,
        [ids],
        lambda i: gpt2(i).logits,
        ((r"^transformer\.", ""),),
        ("lm_head.weight",),
    )
    grouped = {**config, "hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(intermediate_size=64, rms_norm_eps=1e-5, **grouped))
    case("llama", "small_generator", llama, [ids], lambda i: llama(i).logits, ((r"^model\.", ""),))
    mixtral = transformers.MixtralForCausalLM(
        transformers.MixtralConfig(intermediate_size=48, num_local_experts=4, rope_theta=1e6, **grouped)
    )
    case(
        "moe",
        "mixtral_small",
        mixtral,
        [ids],
        lambda i: mixtral(i).logits,
        ((r"^model\.", ""), (r"mlp\.gate", "block_sparse_moe.gate")),
    )
    vit = transformers.ViTForImageClassification(
        transformers.ViTConfig(
            image_size=32,
            patch_size=8,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            num_labels=10,
        )
    )
    case(
        "vit",
        "vit_small",
        vit,
        [normal(2, 2, 3, 32, 32)],
        lambda x: vit(x).logits,
        ((r"^vit\.", ""), (r"patch_embeddings\.", "")),
    )
    whisper = transformers.WhisperForConditionalGeneration(
        transformers.WhisperConfig(
            vocab_size=128,
            num_mel_bins=8,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_source_positions=64,
            max_target_positions=32,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
        )
    )
    case(
        "whisper",
        "transcribe_small",
        whisper,
        [normal(3, 2, 8, 128), below(128, 3, 2, 5)],
        lambda mel, i: whisper(input_features=mel, decoder_input_ids=i).logits,
        ((r"^model\.", ""),),
        ("proj_out.weight",),
    )
    resnet = timm.create_model("resnet50")
    case("resnet50", "imagenet", resnet, [normal(4, 2, 3, 40, 33)], resnet, RESNET)
    mobilenet = timm.create_model("mobilenetv3_small_100", bn_eps=1e-3)
    case("mobilenet_v3", "imagenet", mobilenet, [normal(5, 2, 3, 64, 50)], mobilenet, MOBILENET)
    lite = timm.create_model("tf_efficientnet_lite0")
    case("efficientnet_lite0", "imagenet", lite, [normal(6, 2, 3, 64, 96)], lite, LITE)

    tagger = nn.ModuleDict(
        {
            "embedding": nn.Embedding(50, 8),
            "lstm": nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True),
            "fc": nn.Linear(12, 5),
        }
    )
    case(
        "lstm_tagger",
        "tagger_small",
        tagger,
        [below(50, 7, 3, 7)],
        lambda i: tagger["fc"](tagger["lstm"](tagger["embedding"](i))[0]),
        ((r"lstm\.(\w+)_l(\d)", r"lstm.\2.\1_l0"),),
    )
    lenet = nn.ModuleDict(
        {
            "conv1": nn.Conv2d(1, 6, 5, padding=2),
            "conv2": nn.Conv2d(6, 16, 5),
            "fc1": nn.Linear(400, 120),
            "fc2": nn.Linear(120, 84),
            "fc3": nn.Linear(84, 10),
        }
    )
    pool = nn.AvgPool2d(2)

    def read_digit(x: Any) -> Any:
        maps = pool(lenet["conv2"](pool(lenet["conv1"](x).tanh())).tanh())
        return lenet["fc3"](lenet["fc2"](lenet["fc1"](maps.flatten(1)).tanh()).tanh())

    case("lenet", "digits", lenet, [normal(8, 2, 1, 28, 28)], read_digit)
    arrays["index"] = json.dumps(index)
    return arrays, counts


if __name__ == "__main__":
    recorded, counted_in_torch = record()
    np.savez_compressed(RECORD, **recorded)
    COUNTS.write_text(json.dumps(counted_in_torch, indent=2) + "\n", encoding="utf-8")
