"""Every operator of the suite: how its cases are said, or why they are not."""

from __future__ import annotations

from collections.abc import Mapping

from tests.onnx_suite import (
    activation,
    attention,
    elementwise,
    loss,
    nets,
    quantised,
    recurrent,
    reduce,
    shape,
    signal,
)
from tests.onnx_suite.saying import Saying

TABLE: Mapping[str, Saying] = {
    **elementwise.SAID,
    **activation.SAID,
    **reduce.SAID,
    **shape.SAID,
    **nets.SAID,
    **attention.SAID,
    **recurrent.SAID,
    **quantised.SAID,
    **loss.SAID,
    **signal.SAID,
}

STRINGS = "Tenuto has no strings as elements"
SEQUENCES = "a list of Tenuto has a length that is known before the run"
RANDOM = "a model computes the same whenever it runs: it draws no random numbers"
NOT_IN_STD = "the standard library has no such function yet"

REASONS: Mapping[str, str] = {
    "Adam": "a case expects an epsilon that its node does not have (0.01), so not all can agree",
    "Bernoulli": RANDOM,
    "BitCast": "bits are not read as another dtype",
    "Col2Im": NOT_IN_STD,
    "DFT": "what the inverse's cases expect is rounding of f32, larger than their tolerance",
    "DeformConv": NOT_IN_STD,
    "Det": NOT_IN_STD,
    "GridSample": NOT_IN_STD,
    "ImageDecoder": "a model takes tensors, no files",
    "LabelEncoder": STRINGS,
    "MelWeightMatrix": NOT_IN_STD,
    "NonMaxSuppression": NOT_IN_STD,
    "OptionalGetElement": "whether an optional is there is known before the run",
    "OptionalHasElement": "whether an optional is there is known before the run",
    "QLinearMatMul": "cases of i8 expect numbers that wrap round, where ONNX says that they are held at the largest",
    "RandomUniformLike": RANDOM,
    "RegexFullMatch": STRINGS,
    "Resize": "`resize_nearest` and `resize_bilinear` are two of its many modes; the others are not in std yet",
    "RoiAlign": NOT_IN_STD,
    "STFT": NOT_IN_STD,
    "SequenceEmpty": SEQUENCES,
    "SequenceInsert": SEQUENCES,
    "SequenceLength": SEQUENCES,
    "SequenceMap": SEQUENCES,
    "SplitToSequence": SEQUENCES,
    "StringConcat": STRINGS,
    "StringNormalizer": STRINGS,
    "StringSplit": STRINGS,
    "TfIdfVectorizer": NOT_IN_STD,
    "TreeEnsemble": NOT_IN_STD,
    "Unique": NOT_IN_STD,
}
