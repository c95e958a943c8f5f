"""Writes what the examples say as PyTorch modules, with the shapes that Pyrefly reads, for the peers of `bench_check`.

Each part below is a piece of one of the examples. A module takes them in turn until it is as long as it should be; `$`
in a name becomes the number of the repetition, so that nothing is declared twice.
"""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

HEADER = '''\
"""One of many."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from shape_extensions import Int, IntVar
from torch import Tensor
'''

MLP = '''
@dataclass
class MlpConfig$:
    """Sizes of a multilayer perceptron."""

    pixels: int
    hidden: int
    classes: int


mnist_mlp$ = MlpConfig$(pixels=784, hidden=512, classes=10)
small_mlp$ = MlpConfig$(pixels=16, hidden=8, classes=10)


class Mlp$[P: IntVar, H: IntVar, C: IntVar](nn.Module):
    """One logit for each class, from images whose pixels lie in a row."""

    def __init__(self, pixels: Int[P], hidden: Int[H], classes: Int[C]) -> None:
        super().__init__()
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, classes)

    def forward[B: IntVar](self, image: Tensor[[B, P]]) -> Tensor[[B, C]]:
        h1 = F.relu(self.fc1(image))
        h2 = F.relu(self.fc2(h1))
        return self.fc3(h2)
'''

NORM = '''
class RmsNorm$[D: IntVar](nn.Module):
    """Divides by the root of the mean square of the last axis."""

    def __init__(self, width: Int[D], eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = torch.ones(width)
        self.eps = eps

    def forward[B: IntVar, S: IntVar](self, x: Tensor[[B, S, D]]) -> Tensor[[B, S, D]]:
        mean = x.pow(2).mean(dim=-1, keepdim=True)
        normal = x * torch.rsqrt(mean + self.eps)
        return normal * self.weight


class Gated$[D: IntVar, H: IntVar](nn.Module):
    """A feed-forward network with a gate."""

    def __init__(self, width: Int[D], hidden: Int[H]) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward[B: IntVar, S: IntVar](self, x: Tensor[[B, S, D]]) -> Tensor[[B, S, D]]:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
'''

ATTENTION = '''
class Attention$[D: IntVar, H: IntVar](nn.Module):
    """Each token gathers from all that the mask lets it see."""

    def __init__(self, width: Int[D], heads: Int[H]) -> None:
        super().__init__()
        assert width % heads == 0
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward[B: IntVar, S: IntVar](self, x: Tensor[[B, S, D]], mask: Tensor[[B, S]]) -> Tensor[[B, S, D]]:
        b, s, d = x.size()
        q = self.query(x).view(b, s, self.heads, d // self.heads).transpose(1, 2)
        k = self.key(x).view(b, s, self.heads, d // self.heads).transpose(1, 2)
        v = self.value(x).view(b, s, self.heads, d // self.heads).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
        visible = mask.unsqueeze(1).unsqueeze(2)
        probs = F.softmax(scores + (1.0 - visible) * -1e9, dim=-1)
        gathered = (probs @ v).transpose(1, 2).contiguous().view(b, s, d)
        return self.output(gathered)


class Layer$[D: IntVar, H: IntVar](nn.Module):
    """Attention and a feed-forward network, each with a residual connection."""

    def __init__(self, width: Int[D], heads: Int[H], eps: float = 1e-12) -> None:
        super().__init__()
        self.attention = Attention$(width, heads)
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.intermediate = nn.Linear(width, 4 * width)
        self.dense = nn.Linear(4 * width, width)
        self.norm2 = nn.LayerNorm(width, eps=eps)

    def forward[B: IntVar, S: IntVar](self, x: Tensor[[B, S, D]], mask: Tensor[[B, S]]) -> Tensor[[B, S, D]]:
        h = self.norm1(x + self.attention(x, mask))
        return self.norm2(h + self.dense(F.gelu(self.intermediate(h))))


class Encoder$[V: IntVar, P: IntVar, D: IntVar, H: IntVar](nn.Module):
    """Embeddings, then one layer after another."""

    def __init__(self, vocab: Int[V], positions: Int[P], width: Int[D], heads: Int[H], layers: int = 12) -> None:
        super().__init__()
        self.words = nn.Embedding(vocab, width)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList([Layer$(width, heads) for _ in range(layers)])

    def forward[B: IntVar, S: IntVar](self, ids: Tensor[[B, S]], mask: Tensor[[B, S]]) -> Tensor[[B, S, D]]:
        b, s = ids.size()
        h = self.norm(self.words(ids) + self.positions(torch.arange(s)))
        for layer in self.layers:
            h = layer(h, mask)
        return h
'''

CONVOLUTION = '''
class LeNet$[C: IntVar](nn.Module):
    """Two convolutions with pooling, then three affine maps."""

    def __init__(self, classes: Int[C]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward[B: IntVar](self, image: Tensor[[B, 1, 28, 28]]) -> Tensor[[B, C]]:
        p1 = F.max_pool2d(F.relu(self.conv1(image)), 2)
        p2 = F.max_pool2d(F.relu(self.conv2(p1)), 2)
        flat = p2.flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(flat)))))


class Bottleneck$[I: IntVar, W: IntVar](nn.Module):
    """Narrow, look around, widen, and add what came in."""

    def __init__(self, channels: Int[I], width: Int[W]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward[B: IntVar, Y: IntVar, X: IntVar](self, x: Tensor[[B, I, Y, X]]) -> Tensor[[B, I, Y, X]]:
        h1 = F.relu(self.bn1(self.conv1(x)))
        h2 = F.relu(self.bn2(self.conv2(h1)))
        return F.relu(x + self.bn3(self.conv3(h2)))
'''

RECURRENT = '''
class Cell$[X: IntVar, H: IntVar](nn.Module):
    """A gated recurrent cell, written out."""

    def __init__(self, inputs: Int[X], hidden: Int[H]) -> None:
        super().__init__()
        self.update_x = nn.Linear(inputs, hidden)
        self.update_h = nn.Linear(hidden, hidden)
        self.reset_x = nn.Linear(inputs, hidden)
        self.reset_h = nn.Linear(hidden, hidden)
        self.new_x = nn.Linear(inputs, hidden)
        self.new_h = nn.Linear(hidden, hidden)

    def forward[B: IntVar](self, x: Tensor[[B, X]], h: Tensor[[B, H]]) -> Tensor[[B, H]]:
        update = torch.sigmoid(self.update_x(x) + self.update_h(h))
        reset = torch.sigmoid(self.reset_x(x) + self.reset_h(h))
        new = torch.tanh(self.new_x(x) + self.new_h(reset * h))
        return (1.0 - update) * new + update * h


def pooled$[B: IntVar, S: IntVar, D: IntVar](h: Tensor[[B, S, D]], mask: Tensor[[B, S]]) -> Tensor[[B, D]]:
    """The mean of the tokens that the mask keeps."""
    kept = mask.unsqueeze(-1)
    total = (h * kept).sum(dim=1)
    return total / kept.sum(dim=1).clamp(min=1.0)


def similarity$[N: IntVar, M: IntVar, D: IntVar](a: Tensor[[N, D]], b: Tensor[[M, D]]) -> Tensor[[N, M]]:
    """The cosine of each row of one with each row of the other."""
    x = a / a.norm(dim=-1, keepdim=True)
    y = b / b.norm(dim=-1, keepdim=True)
    return x @ y.transpose(0, 1)
'''

PARTS = (MLP, NORM, ATTENTION, CONVOLUTION, RECURRENT)


def write_modules(folder: Path, modules: int, lines: int, shapes: bool) -> int:
    """Write so many modules of about so many lines in all, with shapes or without; how many lines they have."""
    written = 0
    serial = count()
    for number in range(modules):
        text = HEADER
        while written + text.count("\n") < (number + 1) * lines // modules:
            turn = next(serial)
            text += "\n" + PARTS[turn % len(PARTS)].replace("$", str(turn))
        (folder / f"module{number:02}.py").write_text(text if shapes else _without_shapes(text), encoding="utf-8")
        written += text.count("\n")
    return written


def _without_shapes(text: str) -> str:
    """The same with plain annotations, for a checker that has never heard of shapes."""
    text = text.replace("from shape_extensions import Int, IntVar\n", "")
    text = re.sub(r"\[\w+: IntVar[^\]]*\]", "", text)
    return re.sub(r"\bInt\[\w+\]", "int", re.sub(r"Tensor\[\[.*?\]\]", "Tensor", text))
