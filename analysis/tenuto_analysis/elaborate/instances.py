"""Functions: one for each definition and choice of static arguments, made when the first call asks for it.

A function owns symbols for those sizes of its tensors that are no numbers where it is called; the call says what they
are there. Sizes that are equal there are one symbol, so that what broadcasts there broadcasts here. A size over which
the body loops stays a symbol, so that the loop stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tenuto_analysis.check import definitions, queries, statements
from tenuto_analysis.check import expressions as check
from tenuto_analysis.check.recorder import Resolved
from tenuto_analysis.database import Database, query
from tenuto_analysis.diagnostics.base import Place
from tenuto_analysis.dims import Constraint, Dim, Leaf, Symbol, leaves, literal, of
from tenuto_analysis.dtypes import SCALARS
from tenuto_analysis.elaborate import expressions
from tenuto_analysis.elaborate.builder import Builder, Called, Refusal
from tenuto_analysis.elaborate.forms import Fields, Form, Several, is_closed, is_static, tensors_in
from tenuto_analysis.elaborate.statements import walk
from tenuto_analysis.graph import Call, Function, Ssa, dims_in, given, sizes_read_by, told_by
from tenuto_analysis.graph import walk as nodes_of
from tenuto_analysis.modules import declaration
from tenuto_analysis.normal_form import single_atom
from tenuto_analysis.precision.policies import Precision
from tenuto_analysis.shapes import Known
from tenuto_analysis.signature import Signature
from tenuto_analysis.substitute import Substitution
from tenuto_analysis.types import (
    NONE,
    Float,
    GenericModel,
    Int,
    ListValue,
    ModelBound,
    OptionalValue,
    RecordValue,
    Reference,
    Sequence,
    ShapeValue,
    Tensor,
    TupleValue,
    Value,
)
from tenuto_grammar import syntax
from tenuto_grammar.syntax import Keyword
from tenuto_grammar.text import Span


class Localised:
    """The values of a call in the callee's own terms, with what its symbols are in the caller's."""

    def __init__(self, owner: str, known: Known, given: object = ()) -> None:
        self.owner = owner
        self.known = known
        self._numbers = {0, 1, *(dim.constant for dim in dims_in(given) if dim.constant is not None)}
        self.sizes: dict[Leaf, Dim] = {}
        self._own: list[tuple[Dim, Dim]] = []

    def symbol(self, leaf: Leaf, size: Dim) -> Dim:
        """The symbol `leaf`, which is `size` where it is called; or the one that stands for that size already."""
        own = self._standing_for(size)
        if own is None:
            own = of(leaf)
            self.sizes[leaf] = size
            self._own.append((size, own))
        return own

    def _standing_for(self, size: Dim) -> Dim | None:
        return next((own for other, own in self._own if other is size or self.known.equal(other, size)), None)

    def number(self, size: Dim) -> Dim | None:
        """A size as a number: where it is written as one, or where facts say that it is 0, 1 or one written beside."""
        if size.constant is not None:
            return size
        simple = self.known.facts.simplify(size)
        return simple if simple.constant in self._numbers else None

    def size(self, name: str, size: Dim) -> Dim:
        """A size without a name of its own."""
        return self.number(size) or self.symbol(Symbol(name, self.owner, 0), size)

    def value(self, name: str, value: Value) -> Value:
        match value:
            case Int(value=dim):
                return Int(self.size(name, dim))
            case ShapeValue(shape=shape):
                return ShapeValue(
                    tuple(
                        self.size(f"{name}.{i}", item) if isinstance(item, Dim) else item
                        for i, item in enumerate(shape)
                    )
                )
            case Tensor(dtype=dtype, shape=shape):
                sizes = self.value(name, ShapeValue(shape))
                assert isinstance(sizes, ShapeValue)
                return Tensor(dtype, sizes.shape)
            case TupleValue(items=items):
                return TupleValue(tuple(self.value(f"{name}.{i}", item) for i, item in enumerate(items)))
            case ListValue(items=items):
                return ListValue(tuple(self.value(f"{name}.{i}", item) for i, item in enumerate(items)))
            case RecordValue(name=record, file=file, fields=fields):
                return RecordValue(
                    record, file, tuple((key, self.value(f"{name}.{key}", item)) for key, item in fields)
                )
            case Reference(file=file, name=model, arguments=arguments):
                return Reference(
                    file,
                    model,
                    tuple((key, self.value(f"{name}.{i}", item)) for i, (key, item) in enumerate(arguments)),
                )
            case _:
                return value


class Shared(Struct, frozen=True, eq=False):
    """A function of a definition as any graph may have it; `casts` where policies have asked for some in it."""

    function: Function
    casts: bool


Arguments = tuple[tuple[str, Value], ...]


@query
def _shared(
    db: Database, file: str, key: str, statics: Arguments, inputs: Arguments, policy: Precision
) -> Shared | Refusal:
    """The function of a definition, for all graphs: an edit makes only those again that are made of what it changed.

    A query raises nothing: what cannot be built is a value, which others may have read.
    """
    signature = queries.signature(db, file, key)
    assert signature is not None
    table = Table(db)
    try:
        return Shared(table.make(signature, dict(statics), dict(inputs), (), policy), table.casts)
    except Refusal as refusal:
        return refusal


class Table:
    """The functions that a graph calls, each with what tells it from others of its definition."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.casts = False  # Whether policies have asked for any.
        self._made: dict[tuple[str, str, Arguments, Arguments, Precision], Function] = {}

    def functions(self, entry: Function) -> tuple[Function, ...]:
        """All that a function calls, directly or not, callees first, and itself."""
        found: dict[int, Function] = {}
        _reach(entry, found)
        return tuple(found.values())

    def instance(
        self, caller: Builder, resolved: Resolved, forms: Mapping[str, Form], policy: Precision, place: Place
    ) -> Called:
        signature = resolved.signature
        local = Localised(signature.owner, caller.ctx.known, tuple(resolved.values.values()))
        statics, inputs = _local_arguments(self.db, resolved, forms, local, place)
        key = (signature.file, signature.key, _in_order(signature, statics), tuple(inputs.items()), policy)
        function = self._made.get(key)
        if function is None:
            function = self._made[key] = self._function(signature, key)
        operands = tuple(tensor for form in forms.values() for tensor in tensors_in(form))
        return Called(function, local.sizes, operands)

    def _function(self, signature: Signature, key: tuple[str, str, Arguments, Arguments, Precision]) -> Function:
        """One that other graphs have too, or, where casts have still to find their places in it, one of its own."""
        file, name, statics, inputs, policy = key
        if policy.uniform:
            shared = _shared(self.db, file, name, statics, inputs, policy)
            if isinstance(shared, Refusal):
                raise shared
            if not shared.casts:
                return shared.function
        return self.make(signature, dict(statics), dict(inputs), (), policy)

    def make(
        self,
        signature: Signature,
        statics: Mapping[str, Value],
        inputs: Mapping[str, Value],
        facts: tuple[Constraint, ...],
        policy: Precision,
    ) -> Function:
        """The function of a definition under a policy: `inputs` are the types of what holds tensors, by parameter."""
        node = declaration(self.db, signature.file, signature.key)
        assert isinstance(node, syntax.Definition)
        assert node.body is not None
        ctx = definitions.opened(self.db, signature, node.body, {**statics, **inputs})
        for fact in facts:
            ctx.assume(fact)
        fixed = Substitution(signature.owner, ctx.known, {**statics, **inputs})
        here = replace(
            signature,
            result=fixed.value(signature.result) if signature.result is not None else None,
            promises=tuple(map(fixed.constraint, signature.promises)),
        )
        builder = Builder(self, ctx, statements.Frame(here, node.keyword is Keyword.MODEL), policy)
        for name, value in inputs.items():
            ctx.scopes[0][name].value = value
            builder.scopes[0][name] = _input(builder, name, value)
        for parameter in node.parameters:
            name = parameter.name.text
            if parameter.default is not None and name not in statics and name not in inputs:
                ctx.scopes[0][name].value = check.infer(ctx, parameter.default)
                builder.scopes[0][name] = expressions.build(builder, parameter.default)
        entering = tuple(t for name in inputs for t in tensors_in(builder.scopes[0][name]))
        if isinstance(node.body, syntax.Block):
            found = walk(builder, node.body.statements)
        else:
            ctx.statement = node
            check.infer(ctx, node.body, here.result)
            found = expressions.build(builder, node.body)
        if ctx.problems:
            problem = ctx.problems[0]
            raise Refusal(builder.place(problem.span), f"for this instance, {problem.message}")
        assert found is not None, signature.name
        results = _results(builder, here, found, node.name.span)
        builder.block.results = tuple(results.values())
        function = Function(
            signature.name,
            signature.file,
            signature.key,
            node.doc,
            tuple((name, value) for name, value in statics.items() if is_closed(value)),
            entering,
            weights=tuple(builder.weights.values()),
            body=builder.block,
            assumed=tuple(builder.assumed),
            policy=policy,
            target=tuple(path.text for path in node.clauses.target),
        )
        self.casts = self.casts or builder.inserted
        function.symbols = _symbols(function, signature.owner)
        function.size_inputs = tuple(_passed(function))
        function.output_names = tuple(_output_names(function, results))
        return function


def _in_order(signature: Signature, statics: Mapping[str, Value]) -> Arguments:
    """Static arguments in the order in which a definition declares them; then the sizes that it declares by use."""
    declared = [*(item.name for item in signature.generics), *(item.name for item in signature.parameters)]
    places = {name: place for place, name in enumerate(declared)}
    return tuple(sorted(statics.items(), key=lambda item: (places.get(item[0], len(places)), item[0])))


def _reach(function: Function, found: dict[int, Function]) -> None:
    for node in nodes_of(function.body):
        if isinstance(node, Call) and id(node.function) not in found:
            _reach(node.function, found)
    found[id(function)] = function


def _input(b: Builder, name: str, value: Value) -> Form:
    """A parameter's tensors, named as the source reaches them."""
    match value:
        case Tensor():
            return b.value(value, name)
        case TupleValue(items=items) | ListValue(items=items):
            return Several(tuple(_input(b, f"{name}.{i}", item) for i, item in enumerate(items)))
        case RecordValue(fields=fields):
            return Fields({key: _input(b, f"{name}.{key}", item) for key, item in fields})
        case Float():
            return Ssa(Tensor(SCALARS["f64"], ()), name)
        case _:
            return value


def _local_arguments(
    db: Database,
    resolved: Resolved,
    forms: Mapping[str, Form],
    local: Localised,
    place: Place,
) -> tuple[dict[str, Value], dict[str, Value]]:
    """What is static, and the types of what holds tensors, in the callee's terms."""
    signature, values = resolved.signature, resolved.values
    given = {name: value for name, value, _, _ in resolved.arguments}
    bindings = {name: value for name, value, _ in queries.interface(db, signature.file, signature.key).bindings}
    parameters = {parameter.name: parameter for parameter in signature.parameters}
    looped = looped_sizes(db, signature)
    statics: dict[str, Value] = {}
    for name, value in sorted(values.items(), key=lambda item: isinstance(item[1], ShapeValue)):
        if name in parameters:
            continue
        own = bindings.get(name)
        atom = single_atom(own.value) if isinstance(own, Int) else None
        match value:
            case Int(value=size) if isinstance(atom, Leaf):
                number = None if atom in looped else local.number(size)
                own_size = number or local.symbol(atom, size)
                if own_size is not of(atom):
                    statics[name] = Int(own_size)
            case Int(value=size):
                statics[name] = Int(local.size(name, size))
            case GenericModel() | ModelBound():
                raise Refusal(place, f"`{value}` is not known when the model is built")
            case _:
                statics[name] = local.value(name, value)
    fixed = Substitution(signature.owner, Known(), dict(statics))
    inputs: dict[str, Value] = {}
    for name, parameter in parameters.items():
        form = forms[name]
        if form == NONE:
            statics[name] = NONE
            continue
        if isinstance(form, Ssa | Several | Fields) and any(tensors_in(form)):
            inputs[name] = _input_type(fixed, name, bindings.get(name, parameter.type), given[name], local)
            continue
        if given[name] == Float(None):
            continue  # The default, which depends on sizes of the callee.
        chosen = values.get(name)
        bound = bindings.get(name)
        atom = single_atom(bound.value) if isinstance(bound, Int) else None
        if isinstance(chosen, Int) and chosen.value.constant is None and isinstance(atom, Leaf):
            statics[name] = Int(local.number(chosen.value) or local.symbol(atom, chosen.value))
            continue
        statics[name] = local.value(name, chosen if chosen is not None and is_static(chosen) else given[name])
        fixed.values[name] = statics[name]
    return statics, inputs


def looped_sizes(db: Database, signature: Signature) -> frozenset[Symbol]:
    """The sizes over whose range a body loops: they stay symbols, so that the loop stays one.

    One that also says how long a list is must be a number, and a loop over it is repeated.
    """
    looped = _looped_names(db, signature.file, signature.key)
    bindings = queries.interface(db, signature.file, signature.key).bindings
    own = ((name, single_atom(value.value)) for name, value, _ in bindings if isinstance(value, Int))
    return frozenset(atom for name, atom in own if name in looped and isinstance(atom, Symbol) and atom.low is not None)


@query
def _looped_names(db: Database, file: str, key: str) -> frozenset[str]:
    """The names over whose range a body loops, and that say the length of no list."""
    node = declaration(db, file, key)
    assert isinstance(node, syntax.Definition)
    inside = list(_below(node))
    looped = {name for item in inside if isinstance(item, syntax.For) for name in _ranged(item.iterable)}
    listed = {name for item in inside if isinstance(item, syntax.Comprehension) for name in _ranged(item.iterable)}
    return frozenset(looped - listed)


def _ranged(iterable: syntax.Expression) -> set[str]:
    """The names in what is given to `range`."""
    return {
        name.text
        for call in (iterable, *_below(iterable))
        if isinstance(call, syntax.Call) and isinstance(call.callee, syntax.Name) and call.callee.text == "range"
        for name in _below(call)
        if isinstance(name, syntax.Name)
    }


def _below(node: syntax.Node) -> Iterator[syntax.Node]:
    for child in syntax.children(node):
        yield child
        yield from _below(child)


def _input_type(fixed: Substitution, name: str, wanted: Value, given: Value, local: Localised) -> Value:
    """The type of a parameter that holds tensors, in the callee's terms: as declared, where that says it all."""
    type_ = fixed.value(wanted)
    if isinstance(type_, OptionalValue):
        type_ = fixed.value(type_.inner)
    type_ = spelled_out(type_)
    if isinstance(type_, Tensor | RecordValue | TupleValue | ListValue) and all(
        isinstance(d, Dim) for d in _items_of(type_)
    ):
        return type_
    return local.value(name, spelled_out(given))


def spelled_out(value: Value) -> Value:
    """A list of a length that is known as its elements."""
    match value:
        case Sequence(element=element, index=Symbol(name=name, owner=owner), length=length) if (
            length.constant is not None
        ):
            return ListValue(
                tuple(
                    spelled_out(Substitution(owner, Known(), {name: Int(literal(i))}).value(element))
                    for i in range(length.constant)
                )
            )
        case TupleValue(items=items):
            return TupleValue(tuple(map(spelled_out, items)))
        case _:
            return value


def _items_of(value: Value) -> Iterator[object]:
    match value:
        case Tensor(shape=shape):
            yield from shape
        case TupleValue(items=items) | ListValue(items=items):
            for item in items:
                yield from _items_of(item)
        case RecordValue(fields=fields):
            for _, item in fields:
                yield from _items_of(item)
        case _:
            yield value


def _results(b: Builder, signature: Signature, found: Form, span: Span) -> dict[str, Ssa]:
    """The tensors that a definition returns, by name, in the dtypes of its signature."""
    wanted = signature.result if signature.result is not None else b.frame.result
    if b.mixes and wanted is not None:
        found = b.stored(found, wanted, span)
    named: dict[str, Ssa] = {}
    for path, form in _named("", found):
        if isinstance(form, Ssa):
            named[path or "result"] = form
        elif isinstance(wanted, Tensor) and path == "":
            named["result"] = b.operand(form, wanted.dtype, span)
    if isinstance(wanted, Tensor) and "result" in named:
        named["result"] = b.operand(named["result"], wanted.dtype, span)
    return named


def _named(path: str, form: Form) -> Iterator[tuple[str, Form]]:
    match form:
        case Several(items=items):
            for i, item in enumerate(items):
                yield from _named(f"{path}.{i}" if path else f"{i}", item)
        case Fields(fields=fields):
            for name, item in fields.items():
                yield from _named(f"{path}.{name}" if path else name, item)
        case _:
            yield path, form


def _output_names(function: Function, names: Iterable[str]) -> Iterator[str]:
    """The names of the results: others than those of the inputs and the weights, since an artifact has each once."""
    sizes = (ssa for _, ssa in function.size_inputs)
    taken = {ssa.name for ssa in (*function.inputs, *sizes)} | {weight.path for weight in function.weights}
    for name in names:
        found, count = name, 1
        while found in taken:
            count += 1
            found = f"{name}_{count}"
        taken.add(found)
        yield found


def _symbols(function: Function, owner: str) -> tuple[Leaf, ...]:
    """The sizes that a function is given: those of its inputs and weights, and what its nodes mention of its own."""
    found: dict[Leaf, None] = {}
    for value in given(function):
        for dim in dims_in(value.type.shape):
            found |= dict.fromkeys(sorted(leaves(dim), key=str))
    for leaf in sorted(_mentioned(function), key=str):
        if getattr(leaf, "owner", None) == owner:
            found[leaf] = None
    return tuple(found)


def _mentioned(function: Function) -> set[Leaf]:
    """The leaves of the sizes that a run must know."""
    return {leaf for node in nodes_of(function.body) for dim in sizes_read_by(node) for leaf in leaves(dim)}


def _passed(function: Function) -> Iterator[tuple[Leaf, Ssa]]:
    """The symbols that a run must know and that no shape of an input or a weight tells."""
    shown = {leaf for ssa in given(function) for leaf in told_by(ssa)}
    own = set(function.symbols)
    for leaf in sorted(_mentioned(function), key=str):
        if leaf in own and leaf not in shown:
            yield leaf, Ssa(Tensor(SCALARS["i64"], ()), str(leaf))
