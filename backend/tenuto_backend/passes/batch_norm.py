"""Folds the normalisation of inference into the convolution or dense layer before it: one kernel and one bias do both.

`batch_norm(conv(x, kernel, bias), ...)` is `conv(x, kernel * scale, (bias - mean) * scale + shift)`, where `scale` is
`weight / sqrt(variance + eps)`: weights alone decide it. It is done where a build asks for it, and not among `PASSES`:
numbers are rounded otherwise, and tensors of the checkpoint are gone from the artifact.

Layer and normalisation may be calls of models, however deep their weights lie in them. The function in which the two
meet takes the folded weights instead of those that they are made of, and so do its callers, up to the entry. There is
no node that computes them: `weights/folded.py` does, when they are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.graph import Apply, Block, Call, Function, Graph, Node, Ssa, Weight
from tenuto_analysis.modules import STD
from tenuto_analysis.types import Float, Tensor
from tenuto_analysis.verify import verify
from tenuto_backend.dense import dense, makers_in, reads_in
from tenuto_backend.passes.dead_code import drop_dead_code
from tenuto_backend.passes.rewrite import Renamed, reading, with_blocks
from tenuto_backend.weights.folded import Fold, FoldedBias, FoldedKernel

_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
_NORM = (str(STD / "norm.ten"), "batch_norm")
_NORM_WEIGHTS = ("weight", "bias", "running_mean", "running_var")


class _Layer(Struct, frozen=True):
    """A convolution or a dense layer; the first axis of its kernel is that of the channels."""

    kernel: Ssa
    bias: Ssa | None


class _Norm(Struct, frozen=True):
    """A normalisation, its weights in the order of `_NORM_WEIGHTS`."""

    x: Ssa
    weights: tuple[Ssa, ...]
    eps: float


class _Pair(Struct, frozen=True):
    """What one kernel and one bias are made of."""

    kernel: Ssa
    bias: Ssa | None
    norm: tuple[Ssa, ...]
    eps: float

    @property
    def parts(self) -> tuple[Ssa, ...]:
        return (self.kernel, *([] if self.bias is None else [self.bias]), *self.norm)

    def within(self, terms: Renamed) -> _Pair:
        """The same pair where the function that has it is called."""
        bias = None if self.bias is None else terms[id(self.bias)]
        return _Pair(terms[id(self.kernel)], bias, tuple(terms[id(ssa)] for ssa in self.norm), self.eps)


class _Folded(Struct, frozen=True):
    """The weights that a pair becomes."""

    pair: _Pair
    kernel: Weight
    bias: Weight


class _Changed(Struct, frozen=True):
    """A function after the pass, and the weights of its own that its callers fold for it."""

    function: Function
    folded: tuple[_Folded, ...]


def fold_batch_norms(graph: Graph) -> tuple[Graph, Mapping[str, Fold]]:
    """The graph, verified, and by the path of each folded weight what it is made of."""
    folding = _Folding()
    for function in graph.functions:
        folding.change(function)
    paths = {id(weight.value): weight.path for weight in graph.entry.weights}
    made: dict[str, Fold] = {}
    for item in folding.changed[id(graph.entry)].folded:
        pair = item.pair
        before = None if pair.bias is None else paths[id(pair.bias)]
        weight, bias, mean, variance = (paths[id(ssa)] for ssa in pair.norm)
        made[item.kernel.path] = FoldedKernel(paths[id(pair.kernel)], weight, variance, pair.eps)
        made[item.bias.path] = FoldedBias(before, weight, bias, mean, variance, pair.eps)
    return verify(drop_dead_code(replace(graph, functions=tuple(folding.functions)))), made


class _Folding:
    """The functions so far, callees before callers, and what became of each of the old ones, by its identity."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.changed: dict[int, _Changed] = {}
        self._biased: dict[int, Function] = {}

    def change(self, function: Function) -> None:
        changed = _InFunction(self, function).changed()
        self.functions.append(changed.function)
        self.changed[id(function)] = changed

    def with_bias(self, node: Node, bias: Ssa) -> list[Node]:
        """A layer that has no bias, with this one."""
        match node:
            case Apply(op="matmul", results=(result,), origin=origin):
                product = Ssa(Tensor(result.type.dtype, result.type.shape))
                return [replace(node, results=(product,)), Apply("add", {"a": product, "b": bias}, (result,), origin)]
            case Apply(arguments=arguments):
                return [replace(node, arguments={**arguments, "bias": bias})]
            case Call(function=function, weights=weights):
                return [replace(node, function=self._biased_function(function), weights=(*weights, bias))]
            case _:
                raise AssertionError("a layer is an operator or a call")

    def _biased_function(self, function: Function) -> Function:
        """A function that ends in a layer without a bias, with one more weight, which is its bias."""
        if id(function) not in self._biased:
            ending = _ending(function)
            assert ending is not None
            layer, last = ending
            path = next(weight.path for weight in function.weights if weight.value is layer.kernel)
            bias = _bias_of(layer.kernel, _beside(path, "bias"))
            nodes: list[Node] = []
            for node in function.body.nodes:
                nodes += self.with_bias(node, bias.value) if node is last else [node]
            made = replace(function, weights=(*function.weights, bias), body=Block(nodes, function.results))
            self._biased[id(function)] = made
            self.functions.append(made)
        return self._biased[id(function)]


class _InFunction:
    """One function; `folded` has the weights that it takes, by what they are made of."""

    def __init__(self, folding: _Folding, function: Function) -> None:
        self._folding = folding
        self._function = function
        self._own = {id(weight.value): weight for weight in function.weights}
        self._folded: dict[tuple[object, ...], _Folded] = {}
        self._renamed: dict[int, Ssa] = {}

    def changed(self) -> _Changed:
        body = self._with_folds(self._with_calls(self._function.body))
        folded = tuple(self._folded.values())
        made = replace(self._function, body=body)
        read, gone = reads_in(body), {id(ssa) for item in folded for ssa in item.pair.parts}
        weights: list[Weight] = []
        for weight in self._function.weights:
            mine = (item for item in folded if item.pair.kernel is weight.value)
            weights += (new for item in mine for new in (item.kernel, item.bias))
            if read[id(weight.value)] or id(weight.value) not in gone:
                weights.append(weight)
        return _Changed(replace(made, weights=tuple(weights)), folded)

    def _with_calls(self, block: Block) -> Block:
        """The block, with calls of the functions as they are now."""
        return Block([with_blocks(self._called(node), self._with_calls) for node in block.nodes], block.results)

    def _called(self, node: Node) -> Node:
        if not isinstance(node, Call):
            return node
        changed = self._folding.changed[id(node.function)]
        terms = {id(old.value): mine for old, mine in zip(node.function.weights, node.weights, strict=True)}
        for item in changed.folded:
            below = f"{node.part}." if node.part else ""
            folded = self._fold(item.pair.within(terms), below + item.kernel.path, below + item.bias.path)
            terms[id(item.kernel.value)], terms[id(item.bias.value)] = folded.kernel.value, folded.bias.value
        weights = tuple(terms[id(weight.value)] for weight in changed.function.weights)
        return replace(node, function=changed.function, weights=weights)

    def _with_folds(self, block: Block) -> Block:
        """The block without the normalisations that can be folded."""
        reads = reads_in(block)
        return self._renaming(self._without_norms(block, reads))

    def _without_norms(self, block: Block, reads: Counter[int]) -> Block:
        makers = makers_in(block)
        instead: dict[int, list[Node]] = {}
        for node in block.nodes:
            norm = _norm(node)
            before = makers.get(id(norm.x)) if norm is not None else None
            layer = _layer(before, makers, reads) if before is not None else None
            if norm is None or before is None or layer is None or reads[id(norm.x)] != 1:
                continue
            if norm.x.type.dtype != layer.kernel.type.dtype:  # The product has a wider dtype than its operands.
                continue
            pair = _Pair(layer.kernel, layer.bias, norm.weights, norm.eps)
            if not self._can_fold(pair, reads):
                continue
            kernel, scale = self._own[id(pair.kernel)].path, self._own[id(pair.norm[0])].path
            # No path in a program has a plus sign: the name tells that this is no tensor of the checkpoint.
            suffix = f"+{scale.rpartition('.')[0] or scale}"
            folded = self._fold(pair, kernel + suffix, _beside(kernel, f"bias{suffix}"))
            self._renamed[id(layer.kernel)] = folded.kernel.value
            there = replace(before, results=node.results)
            instead[id(node)] = []
            if layer.bias is None:
                instead[id(before)] = self._folding.with_bias(there, folded.bias.value)
            else:
                instead[id(before)] = [there]
                self._renamed[id(layer.bias)] = folded.bias.value
        nodes = (new for node in block.nodes for new in instead.get(id(node), [node]))
        inside = [with_blocks(node, lambda inner: self._without_norms(inner, reads)) for node in nodes]
        return Block(inside, block.results)

    def _can_fold(self, pair: _Pair, reads: Counter[int]) -> bool:
        """Whether all parts are weights, and nobody else needs the kernel and the bias: no weight is stored twice."""
        alone = all(reads[id(ssa)] == 1 for ssa in (pair.kernel, pair.bias) if ssa is not None)
        dtype = pair.kernel.type.dtype
        return alone and all(id(ssa) in self._own and ssa.type.dtype == dtype for ssa in pair.parts)

    def _fold(self, pair: _Pair, kernel: str, bias: str) -> _Folded:
        """The weights of these paths, made once for what is called several times with the same weights."""
        key = (*map(id, pair.parts), pair.eps)
        if key not in self._folded:
            type_ = Tensor(pair.kernel.type.dtype, pair.kernel.type.shape)
            self._folded[key] = _Folded(pair, Weight(kernel, Ssa(type_, kernel), None), _bias_of(pair.kernel, bias))
        return self._folded[key]

    def _renaming(self, block: Block) -> Block:
        return Block([with_blocks(reading(node, self._renamed), self._renaming) for node in block.nodes], block.results)


def _bias_of(kernel: Ssa, path: str) -> Weight:
    return Weight(path, Ssa(Tensor(kernel.type.dtype, kernel.type.shape[:1]), path), None)


def _beside(path: str, name: str) -> str:
    return "".join((*path.rpartition(".")[:2], name))


# ------------------------------------------------------------------------------------------------------------- patterns


def _norm(node: Node) -> _Norm | None:
    """The normalisation that a node is: a call of `batch_norm`, or of a function that does nothing else."""
    if not isinstance(node, Call) or len(node.results) != 1:
        return None
    function = node.function
    given = {id(mine): theirs for mine, theirs in _passed(node)}
    if (function.file, function.key) == _NORM:
        eps = node.arguments["eps"]
        values = {mine.name: theirs for mine, theirs in _passed(node)}
        if not isinstance(eps, Float) or eps.value is None:
            return None
        return _Norm(values["x"], tuple(values[name] for name in _NORM_WEIGHTS), eps.value)
    if len(function.body.nodes) != 1 or function.body.nodes[0].results != function.results:
        return None
    inner = _norm(function.body.nodes[0])
    if inner is None or not all(id(ssa) in given for ssa in (inner.x, *inner.weights)):
        return None
    return _Norm(given[id(inner.x)], tuple(given[id(ssa)] for ssa in inner.weights), inner.eps)


def _layer(node: Node, makers: Mapping[int, Node], reads: Counter[int]) -> _Layer | None:
    """The layer that a node ends; what is read between its nodes is read by nobody else."""
    match node:
        case Apply(op=op, arguments={"weight": Ssa() as kernel, "bias": bias}) if op in _CONVOLUTIONS:
            return _Layer(kernel, bias if isinstance(bias, Ssa) else None)
        case Apply(op="matmul" | "add"):
            found = dense(node, makers, reads)
            return _Layer(found.kernel, found.bias) if found is not None else None
        case Call(function=function):
            ending = _ending(function)
            if ending is None:
                return None
            given = {id(mine): theirs for mine, theirs in _passed(node)}
            layer, _ = ending
            return _Layer(given[id(layer.kernel)], given[id(layer.bias)] if layer.bias is not None else None)
        case _:
            return None


def _ending(function: Function) -> tuple[_Layer, Node] | None:
    """The layer in which a function ends, and its last node; its weights are the function's and serve it alone."""
    makers = makers_in(function.body)
    last = makers.get(id(function.results[0])) if len(function.results) == 1 else None
    reads = reads_in(function.body)
    layer = _layer(last, makers, reads) if last is not None else None
    if last is None or layer is None or reads[id(function.results[0])] != 1:
        return None
    weights = {id(weight.value) for weight in function.weights}
    mine = [id(ssa) for ssa in (layer.kernel, layer.bias) if ssa is not None]
    return (layer, last) if all(key in weights and reads[key] == 1 for key in mine) else None


def _passed(node: Call) -> Iterator[tuple[Ssa, Ssa]]:
    """What the function of a call calls a value, and what the caller calls it."""
    function = node.function
    taken = [*function.inputs, *(ssa for _, ssa in function.size_inputs)]
    yield from zip(taken, node.operands, strict=True)
    yield from zip((weight.value for weight in function.weights), node.weights, strict=True)
