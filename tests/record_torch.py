"""Writes `data/torch.npz`: what PyTorch computes for small inputs, with its layers' weights under their own names.

Run by hand where a declaration of the standard library that follows PyTorch is added: `pip install torch==2.13.0`, then
`python -m tests.record_torch`. The tests need the file alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).parent / "data" / "torch.npz"

_random = np.random.default_rng(11)

Recorded = tuple[list[dict[str, Any]], dict[str, Any]]


def normal(*shape: int) -> Any:
    return _random.normal(size=shape).astype(np.float32)


def share(*shape: int) -> Any:
    return _random.uniform(0.05, 0.95, size=shape).astype(np.float32)


def record() -> Recorded:
    """The cases, in which an array stands as its key, and the arrays by key."""
    torch = import_module("torch")
    torch.manual_seed(5)
    functional, nn = torch.nn.functional, torch.nn
    index: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}

    def keep(value: Any) -> Any:
        if hasattr(value, "detach"):
            value = value.detach().numpy()
        if not isinstance(value, np.ndarray):
            return value
        arrays[key := f"a{len(arrays)}"] = value
        return {"array": key}

    def case(
        name: str,
        theirs: Callable[..., Any],
        *positional: Any,
        named: Mapping[str, Any] | None = None,
        generics: Mapping[str, Any] | None = None,
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        """`theirs` gets the arrays among the arguments, as PyTorch's tensors."""
        tensors = [torch.from_numpy(value) for value in positional if isinstance(value, np.ndarray)]
        result = theirs(*tensors)
        index.append(
            {
                "name": name,
                "positional": [keep(value) for value in positional],
                "named": {key: keep(value) for key, value in (named or {}).items()},
                "generics": dict(generics or {}),
                "weights": {key: keep(value) for key, value in (weights or {}).items()},
                "results": [keep(value) for value in (result if isinstance(result, tuple) else (result,))],
            }
        )

    def layer(
        name: str,
        module: Any,
        generics: Mapping[str, Any],
        *positional: Any,
        theirs: Callable[..., Any] | None = None,
    ) -> None:
        module.eval()
        weights = {key: value for key, value in module.state_dict().items() if "num_batches" not in key}
        case(name, theirs or module, *positional, generics=generics, weights=weights)

    x = 3 * normal(2, 3, 4)
    image = normal(2, 6, 4, 5)
    activations = {"relu6": "relu6", "log_sigmoid": "logsigmoid", "silu": "silu", "hard_tanh": "hardtanh", "glu": "glu"}
    for ours, name in activations.items():
        case(ours, getattr(functional, name), x)
    case("prelu", functional.prelu, x, share(3))
    case("variance", lambda t: t.var((0, 2), correction=0, keepdim=True), x, named={"axis": [0, 2], "keepdims": True})
    case("standard_deviation", lambda t: t.std(1, correction=0), x, named={"axis": 1})
    case("l2_normalize", lambda t: functional.normalize(t, dim=1), x, named={"axis": 1})
    case("cosine_similarity", lambda a, b: functional.cosine_similarity(a, b, dim=1), x, normal(2, 3, 4), 1)
    case("linear", functional.linear, x, normal(5, 4), normal(5))
    case("outer", torch.outer, normal(3), normal(4))
    case("repeat", lambda t: torch.repeat_interleave(t, 3, dim=1), x, 3, 1)
    case("flip", lambda t: torch.flip(t, (0, 2)), x, [0, 2])
    case("roll", lambda t: torch.roll(t, -1, 2), x, -1, 2)
    case("swap_axes", lambda t: t.swapaxes(0, 2), x, 0, 2)
    case("stack", lambda a, b: torch.stack((a, b), -1), x, -x, named={"axis": -1})
    case("pad", lambda t: functional.pad(t, (2, 1, 1, 0)), x, [0, 1, 2], [0, 0, 1])
    case("pad_reflect", lambda t: functional.pad(t, (2, 1), "reflect"), x, 2, 1)
    case("pad_edge", lambda t: functional.pad(t, (5, 1), "replicate"), x, 5, 1)
    case("tril", lambda: torch.ones(3, 5, dtype=bool).tril(1), 3, 5, 1)
    case("triu", lambda: torch.ones(3, 5, dtype=bool).triu(-1), 3, 5, -1)
    case("one_hot", lambda t: functional.one_hot(t, 5).float(), np.asarray([[1, 0], [2, 3]]), 5)
    case("sort", lambda t: t.sort(descending=True).values, x, True)
    case("arg_sort", lambda t: t.argsort(), x)
    case("nonzero", lambda t: t.nonzero(), x > 0)
    case("index_add", lambda t, i, u: t.index_add(1, i, u), x, np.asarray([1, 1, 0]), normal(2, 3, 4), 1)
    case("masked_fill", lambda t, m: t.masked_fill(m, -1.0), x, x[0] > 0, -1.0)

    mask = _random.uniform(size=(2, 1, 4)) < 0.6
    mask[0] = False
    case("masked_softmax", lambda t, m: t.masked_fill(~m, -np.inf).softmax(-1).nan_to_num(0), x, mask)
    case("avg_pool2d", lambda t: functional.avg_pool2d(t, 3, 2, 1), image, 3, 2, 1)
    case("global_max_pool", lambda t: functional.adaptive_max_pool2d(t, 1).flatten(1), image)
    case("adaptive_avg_pool2d", lambda t: functional.adaptive_avg_pool2d(t, (2, 5)), image, 2, 5)
    case(
        "conv_transpose2d",
        lambda t, w, b: functional.conv_transpose2d(t, w, b, 3, 1, 2, 3, 2),
        image,
        normal(6, 2, 3, 2),
        normal(6),
        3,
        1,
        2,
        2,
        3,
    )
    for size in ((8, 10), (3, 3), (9, 1)):
        for corners in (False, True):
            case(
                "resize_bilinear",
                lambda t, size=size, corners=corners: functional.interpolate(
                    t, size, mode="bilinear", align_corners=corners
                ),
                image,
                *size,
                corners,
            )
        case("resize_nearest", lambda t, size=size: functional.interpolate(t, size), image, *size)
    case("upsample_nearest", lambda t: functional.interpolate(t, scale_factor=2), image, 2)
    case("pixel_unshuffle", lambda t: functional.pixel_unshuffle(t, 2), normal(2, 3, 4, 6), 2)
    case("patchify", lambda t: functional.unfold(t, 2, stride=2).transpose(1, 2), normal(2, 3, 4, 6), 2)

    attend = functional.scaled_dot_product_attention
    q, k, v = normal(2, 4, 5, 8), normal(2, 4, 7, 8), normal(2, 4, 7, 6)
    visible = _random.uniform(size=(2, 1, 5, 7)) < 0.8
    visible[..., 0] = True
    earlier = torch.ones(5, 7, dtype=bool).tril(2)
    case("attention", attend, q, k, v, visible)
    case("attention", lambda *t: attend(*t, is_causal=True), q, k, v, named={"causal": True})
    case(
        "attention", lambda *t: attend(*t, earlier, scale=0.3), q, k, v, named={"causal": True, "past": 2, "scale": 0.3}
    )
    case(
        "grouped_query_attention",
        lambda *t: attend(*t, earlier, enable_gqa=True),
        q,
        normal(2, 2, 7, 8),
        normal(2, 2, 7, 6),
        named={"causal": True, "past": 2},
    )

    logits, labels = normal(4, 3, 5), _random.integers(0, 5, size=(4, 3))
    case(
        "cross_entropy",
        lambda s, t: functional.cross_entropy(s.flatten(0, 1), t.flatten(), label_smoothing=0.1),
        logits,
        labels,
        0.1,
    )
    a, b, p = normal(3, 4), share(3, 4), share(3, 4)
    p[0, :2] = 0, 1
    case("mse_loss", functional.mse_loss, a, b)
    case("l1_loss", functional.l1_loss, a, b)
    case("huber_loss", lambda s, t: functional.huber_loss(s, t, delta=0.7), a, b, 0.7)
    case("binary_cross_entropy", functional.binary_cross_entropy, p, b)
    case("binary_cross_entropy_with_logits", functional.binary_cross_entropy_with_logits, a, b)
    case("kl_div", lambda s, t: functional.kl_div(s, t, reduction="batchmean"), np.log(b), p)

    layer("Linear", nn.Linear(4, 6), {"In": 4, "Out": 6}, x)
    layer("Linear", nn.Linear(4, 6, bias=False), {"In": 4, "Out": 6, "biased": False}, x)
    layer("Embedding", nn.Embedding(9, 4), {"N": 9, "D": 4}, _random.integers(0, 9, size=(2, 3)))
    layer("LayerNorm", nn.LayerNorm(4), {"D": 4}, x)
    layer("RMSNorm", nn.RMSNorm(4, eps=1e-6), {"D": 4}, x)
    layer("GroupNorm", nn.GroupNorm(3, 6), {"Groups": 3, "C": 6}, image)
    trained = nn.BatchNorm2d(6)
    trained(torch.from_numpy(2 * image + 1))
    layer("BatchNorm2d", trained, {"C": 6}, image)
    layer("BatchNorm1d", nn.BatchNorm1d(3), {"C": 3}, x)
    layer("BatchNorm1d", nn.BatchNorm1d(4), {"C": 4}, x[0])
    layer("InstanceNorm2d", nn.InstanceNorm2d(6, affine=True), {"C": 6}, image)
    layer("Conv1d", nn.Conv1d(3, 6, 2, padding=1, groups=3), {"I": 3, "O": 6, "K": 2, "padding": 1, "Groups": 3}, x)
    layer(
        "Conv2d",
        nn.Conv2d(6, 4, 3, stride=2, padding=2, dilation=2, bias=False),
        {"I": 6, "O": 4, "K": 3, "stride": 2, "padding": 2, "dilation": 2, "biased": False},
        image,
    )
    layer("Conv3d", nn.Conv3d(2, 4, 2), {"I": 2, "O": 4, "K": 2}, normal(1, 2, 3, 4, 5))
    layer(
        "ConvTranspose1d",
        nn.ConvTranspose1d(3, 6, 2, stride=2, groups=3),
        {"I": 3, "O": 6, "K": 2, "stride": 2, "Groups": 3},
        x,
    )
    layer(
        "ConvTranspose2d",
        nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1),
        {"I": 6, "O": 4, "K": 3, "stride": 2, "padding": 1, "output_padding": 1},
        image,
    )
    layer("PReLU", nn.PReLU(3), {"C": 3}, x)
    layer("Dropout", nn.Dropout(), {}, x)
    layer("Identity", nn.Identity(), {}, x)

    words, keys = normal(2, 5, 8), normal(2, 3, 8)
    heads = nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(heads.in_proj_bias)
    shown = np.asarray([[1, 1, 0], [1, 0, 0]], np.bool_)
    layer(
        "MultiheadAttention",
        heads,
        {"D": 8, "Heads": 2},
        words,
        keys,
        keys,
        shown[:, None, None, :],
        theirs=lambda q, k, v, m: heads(q, k, v, key_padding_mask=~m[:, 0, 0, :])[0],
    )
    layer(
        "TransformerEncoderLayer",
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        {"D": 8, "Heads": 2, "F": 16},
        words,
    )
    layer(
        "TransformerEncoderLayer",
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu"),
        {"D": 8, "Heads": 2, "F": 16, "norm_first": True, "activation": "gelu"},
        words,
    )
    lstm, two_ways, gru = (
        nn.LSTM(8, 3, batch_first=True),
        nn.LSTM(8, 3, batch_first=True, bidirectional=True),
        nn.GRU(8, 3, batch_first=True),
    )

    def from_zeros(t: Any) -> Any:
        states, (hidden, cell) = lstm(t)
        return states, hidden[0], cell[0]

    def from_given(t: Any, h: Any, c: Any) -> Any:
        states, (hidden, cell) = lstm(t, (h[None], c[None]))
        return states, hidden[0], cell[0]

    def gated(t: Any) -> Any:
        states, hidden = gru(t)
        return states, hidden[0]

    layer("LSTM", lstm, {"I": 8, "H": 3}, words, theirs=from_zeros)
    layer("LSTM", lstm, {"I": 8, "H": 3}, words, normal(2, 3), normal(2, 3), theirs=from_given)
    layer("BidirectionalLSTM", two_ways, {"I": 8, "H": 3}, words, theirs=lambda t: two_ways(t)[0])
    layer("GRU", gru, {"I": 8, "H": 3}, words, theirs=gated)
    cell = nn.RNNCell(4, 5)
    plain = [parameter.detach().numpy() for parameter in cell.parameters()]
    case("rnn_cell", lambda t, h, *_: cell(t, h), x[0], normal(3, 5), *plain)
    return index, arrays


if __name__ == "__main__":
    cases, values = record()
    RECORD.parent.mkdir(exist_ok=True)
    np.savez_compressed(RECORD, allow_pickle=False, index=np.asarray(json.dumps(cases)), **values)
