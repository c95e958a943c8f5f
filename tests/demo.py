"""Three sentences through an artifact of `examples/minilm.ten`, and how far they come from what is published.

The last part of `./dev demo`: `python -m tests.demo MODEL.onnx`, or machine code, `MODULE.vmfb`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.binary import open_binary
from tests.models import fetched
from tests.one_node import Session, in_onnxruntime

# From BertModel of transformers 5.23, the mean over the mask, brought to length 1: first components, and cosines.
KNOWN = {
    "This framework generates embeddings for each input sentence": (
        -0.01371736,
        -0.04285161,
        -0.01562854,
        0.01405376,
        0.03955379,
    ),
    "Sentences are passed as a list of string.": (0.05645248, 0.05500241, 0.03137955, 0.0339485, -0.03542474),
    "The quick brown fox jumps over the lazy dog.": (0.04393358, 0.05893442, 0.04817835, 0.07754812, 0.02674443),
}
COSINES = {(0, 1): 0.53807914, (0, 2): 0.11805629, (1, 2): 0.10358967}
CLOSE = 1e-6


class _Code:
    """Machine code, called as a session of onnxruntime is."""

    def __init__(self, path: Path) -> None:
        self._binary = open_binary(path)

    def run(self, _: None, feeds: Mapping[str, Array]) -> list[Array]:
        return [*self._binary.run(**feeds).values()]


def main(path: Path) -> int:
    session = _Code(path) if path.suffix == ".vmfb" else in_onnxruntime(path)
    found = embeddings(session, list(KNOWN))
    apart = np.abs(found[:, :5] - np.array(list(KNOWN.values()))).max(axis=1)
    for sentence, vector, distance in zip(KNOWN, found, apart, strict=True):
        print(f"  {sentence}")
        print(f"    {' '.join(f'{number:.5f}' for number in vector[:5])} ... ({distance:.0e} from the reference)")
    for (first, second), known in COSINES.items():
        cosine = found[first] @ found[second]
        print(f"  cosine of {first + 1} and {second + 1}: {cosine:.5f} (reference: {known:.5f})")
    return 0 if apart.max() <= CLOSE else 1


def embeddings(session: Session, sentences: Sequence[str]) -> Array:
    """A vector for each sentence, in one batch."""
    tokenizer = Tokenizer.from_file(str(fetched("all-MiniLM-L6-v2.tokenizer.json")))
    tokenizer.no_truncation()
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(sentences))
    ids = np.array([item.ids for item in encoded], np.int64)
    mask = np.array([item.attention_mask for item in encoded], np.bool_)
    (found,) = session.run(None, {"ids": ids, "mask": mask})
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
