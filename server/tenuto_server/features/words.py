"""What the words of the language itself mean, in a sentence each: keywords, built-in functions, dtypes, settings."""

from __future__ import annotations

from collections.abc import Mapping

from tenuto_analysis.dtypes import SCALARS, Kind
from tenuto_analysis.insight.entities import EntityKind
from tenuto_analysis.targets.profile import built_in, read

KEYWORDS: Mapping[str, str] = {
    "import": "Brings names of another file into scope: `import blocks.mlp { a, b as c }`, or the file under a name.",
    "type": "An alias: `type Name[generics] = type`.",
    "record": "Configuration, or tensors under names: `record Name { field: type = default }`.",
    "const": "A value that is known at compile time: `const name: type = value`.",
    "fn": "A function without weights: `fn name[generics](parameters) -> type { ... }`.",
    "model": "A function that may own weights (`param`) and parts (`sub`).",
    "op": "A primitive of the standard library: its type, its documentation and its name in each back end.",
    "deploy": "A model closed over all that a build needs: weights, precision, target and the ranges of its sizes.",
    "param": "A weight: `param name: type = initialiser`. Its path in the model is its name in a checkpoint.",
    "sub": "A part with weights of its own, or a list of parts: `sub name = Model[...]`.",
    "let": "A name for a value, or names for the parts of a tuple.",
    "var": "A name whose value changes: `name = value` gives it another one.",
    "collect": "In a loop: after the loop the name holds the values of all steps.",
    "return": "The result.",
    "assert": "A constraint that the checker proves; it is known afterwards.",
    "assume": 'A constraint that is taken as true: `assume constraint, "why"`; it is known afterwards.',
    "for": "A loop over a list or a range: at compile time, or at run time over `range` of a dimension.",
    "while": "A loop that runs as long as a `bool[]` holds.",
    "if": "A branch: at compile time where the condition is static, at run time on a `bool[]` tensor.",
    "then": "What a condition chooses: `if test then a else b`.",
    "else": "What is chosen where the condition does not hold.",
    "in": "What a loop goes through.",
    "where": "Constraints on sizes: a promise of the callers, and facts in the body.",
    "precision": "The precision policy of a definition or of a statement; the inner one wins.",
    "target": "Where it runs; the inner one wins.",
    "class": "How precise a primitive must be: `any`, `product` or `wide`.",
    "lower": "The operator of each back end that computes a primitive.",
    "as": "A cast, `value as dtype`; in an import another name.",
    "and": "Both hold.",
    "or": "One of both holds.",
    "not": "It does not hold.",
    "within": "Bounds of the values of a tensor, both ends included: `i64[N] within 0 .. V - 1`.",
    "true": "The static truth value.",
    "false": "The static truth value.",
    "none": "No value: of an optional parameter; in brackets a new axis of size 1.",
    "inf": "Infinity, a float.",
}

STATEMENTS = ("let", "var", "return", "sub", "param", "for", "if", "assert", "while", "collect", "assume")

_BUILTINS: Mapping[str, str] = {
    "range": "The integers from 0, or from a start, up to a stop that is left out.",
    "zip": "Lists of one length as one list of tuples.",
    "enumerate": "The elements of a list, each with its index.",
    "len": "How many elements a list has, or axes a shape.",
    "product": "How many elements a shape has: the product of its sizes.",
    "rank": "How many axes a shape has.",
    "is_permutation": "Whether an order names each axis once.",
    "shape": "Sizes as a value, `shape[B, 3]`; as a kind, a pack that the caller gives.",
    "broadcast": "The shape in which two meet: from the right, sizes are equal or one of them is 1.",
    "reduce": "A shape without the axes that are reduced.",
    "permute": "A shape with its axes in another order.",
    "concat": "The shape of tensors joined along an axis.",
    "stack": "The shape of tensors laid upon each other along a new axis.",
    "pad": "A shape that is longer at both ends of its axes.",
    "insert": "A shape with a new axis of size 1.",
    "swap": "A shape in which two axes have changed places.",
    "matmul": "The axes of a product of matrices before the last.",
    "tile": "A shape whose axes are repeated.",
    "rearrange": "The shape that a pattern literal gives.",
    "reduce_pattern": "The shape that a pattern literal gives, without the axes that it leaves out.",
    "einsum": "The shape that an `einsum` pattern gives.",
    "int": "A static integer.",
    "dim": "A size: a static integer of at least 0.",
    "str": "A static text.",
    "type": "A type as a generic argument.",
    "pattern": "A pattern literal, which is checked like code.",
    "reducer": "How a pattern reduces: `sum`, `mean`, `max`, `min` or `prod`.",
    "sizes": "Sizes by name, as `h = 12` after a pattern literal.",
    "axis": "An axis of a shape: a static integer, negative from the end.",
    "axes": "Some axes of a shape.",
    "after": "An axis of a shape, with those before it as a pack.",
    "floating": "Any dtype of floats.",
    "integer": "Any dtype of integers.",
    "unsigned": "Any dtype of integers without a sign.",
    "number": "Any dtype but `bool` and `string`.",
    "any": "Any dtype.",
    "list": "A list of values of one type: `list[element, length]`.",
    "quant": "Stored small numbers with a scale for each axis or group: `quant(i8, axis = 0)[N, K]`.",
    "accumulated": "The dtype in which a sum of products is kept.",
    "load": "Weights from a file, with what its names are in the model.",
    "init": "Weights that are drawn from their initialisers, by a seed and their paths alone.",
    "zeros": "A weight that begins as zeros.",
    "ones": "A weight that begins as ones.",
    "constant": "A weight that begins as one value.",
    "normal": "A weight drawn from a normal distribution.",
    "uniform": "A weight drawn evenly between two numbers.",
    "wide": "Exponentials, norms and long reductions: they follow the policy's `wide`.",
    "onnx": "The back end for ONNX.",
}

_POLICIES: Mapping[str, str] = {
    "f64": "All that is `float` is `f64`.",
    "f32": "All that is `float` is `f32`.",
    "f16": "All that is `float` is `f16`.",
    "bf16": "All that is `float` is `bf16`.",
    "mixed": "Products in a short dtype, sums, exponentials and norms in a wide one.",
    "policy": "A policy from its parts: `params`, `compute`, `accumulate`, `wide`, `storage`.",
    "int8": "Weights stored as `i8` with scales.",
    "int4": "Weights stored as `i4` with a scale for each group.",
    "fp8": "Weights and products in floats of 8 bits.",
}

_SETTINGS: Mapping[str, str] = {
    "weights": 'A file\'s name, `load("file", ...)` or `init(seed = 0)`.',
    "precision": "The precision policy of the artifact.",
    "target": "Where the artifact runs, or a list of such targets.",
    "dims": "The ranges of the sizes that the model leaves open: `{ B: 1 .. 64, S: 128 }`.",
    "file": "The file of weights, relative to the source.",
    "prefix": "Only the tensors whose names begin so, without that beginning.",
    "rename": "The file's name, then the model's; `{i}` stands for any one part of a name.",
    "transpose": "Tensors whose last two axes are swapped.",
    "split": "One tensor of the file, cut into weights of the model.",
    "concat": "One weight of the model, joined from tensors of the file.",
    "unused": "What the file has and the deploy leaves out.",
    "seed": "What the weights are drawn from.",
    "params": "The dtype of stored weights.",
    "compute": "The dtype of products.",
    "accumulate": "The dtype of sums.",
    "wide": "The dtype of exponentials, norms and long reductions.",
    "storage": "The dtype of what lies between operators.",
    "group": "How many numbers share a scale.",
    "std": "The standard deviation.",
    "mean": "The mean.",
    "low": "The lower bound.",
    "high": "The upper bound.",
    "value": "The value.",
}

_FLOATS: Mapping[str, str] = {
    "bf16": "with the exponents of `f32` and 8 bits of precision",
    "f8e4m3": "with 4 bits of exponent and 3 of mantissa",
    "f8e5m2": "with 5 bits of exponent and 2 of mantissa",
    "f8e4m3fnuz": "with 4 bits of exponent and 3 of mantissa, without infinity and negative zero",
    "f8e5m2fnuz": "with 5 bits of exponent and 2 of mantissa, without infinity and negative zero",
    "f8e8m0": "that is a power of two: a scale",
    "f4e2m1": "with 2 bits of exponent and 1 of mantissa",
}


def explained(kind: EntityKind, name: str) -> str | None:
    """What a name means that the language itself defines; None for other names."""
    match kind:
        case EntityKind.DTYPE:
            return _dtype(name)
        case EntityKind.BUILTIN:
            return _BUILTINS.get(name) or _dtype(name)
        case EntityKind.POLICY:
            return _POLICIES.get(name)
        case EntityKind.SETTING:
            return _SETTINGS.get(name)
        case EntityKind.TARGET:
            return _target(name)
        case _:
            return None


def _target(name: str) -> str | None:
    """What ships with Tenuto is explained by its profile; a project knows its own."""
    return f"{read(name).title}." if name in built_in() else None


def _dtype(name: str) -> str | None:
    if name == "float":
        return "The dtype that the precision policy in force says; alone, a static float."
    scalar = SCALARS.get(name)
    if scalar is None:
        return None
    match scalar.kind:
        case Kind.BOOL:
            return "True or false; alone, a static truth value. It is no number: cast it to compute with it."
        case Kind.STRING:
            return "Texts, as imported models have them."
        case Kind.FLOAT:
            words = _FLOATS.get(name)
            return f"A float of {scalar.bits} bits" + (f" {words}." if words is not None else ".")
        case Kind.COMPLEX:
            return f"A complex number of {scalar.bits} bits."
        case Kind.SIGNED:
            return f"An integer of {scalar.bits} bits."
        case Kind.UNSIGNED:
            return f"An integer of {scalar.bits} bits without a sign."
