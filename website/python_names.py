"""The page of `import tenuto`: every public name with its signature and its docstring, read from the source."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator

import tenuto
from website.page import Page

INTRODUCTION = """# Names of `import tenuto`

What the package offers; [the guide](../../docs/python.md) shows how it goes together. The examples are tests.
"""


def python_pages() -> Iterator[Page]:
    entries = "\n".join(_entry(name) for name in tenuto.__all__)
    yield Page("python-names.md", "server/tenuto/__init__.py", f"{INTRODUCTION}\n{entries}")


def _entry(name: str) -> str:
    node = _definition(name)
    heading = f"## `{name}` {{ #{name} }}\n\n"
    match node:
        case ast.FunctionDef():
            return f"{heading}{_code(_signature(node))}\n\n{_words(node)}\n"
        case ast.ClassDef():
            bases = [base for base in map(ast.unparse, node.bases) if base in vars(builtins)]
            members = "\n".join(_members(node))
            title = f"class {name}({', '.join(bases)})" if bases else f"class {name}"
            return f"{heading}{_code(title)}\n\n{_words(node)}\n\n{members}\n"


def _definition(name: str) -> ast.ClassDef | ast.FunctionDef:
    module = inspect.getmodule(getattr(tenuto, name))
    assert module is not None
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    raise LookupError(f"`tenuto.{name}` is neither a class nor a function of {module.__name__}")


def _members(owner: ast.ClassDef) -> Iterator[str]:
    """Fields in one block, then properties and methods, without what is private."""
    fields = [ast.unparse(item) for item in owner.body if isinstance(item, ast.AnnAssign)]
    public = [field for field in fields if not field.startswith("_")]
    if public:
        yield _code("\n".join(public)) + "\n"
    for item in owner.body:
        if isinstance(item, ast.FunctionDef) and not item.name.startswith("_"):
            yield f"### `{item.name}` {{ #{owner.name}.{item.name} }}\n\n{_code(_method(item))}\n\n{_words(item)}\n"


def _method(item: ast.FunctionDef) -> str:
    decorators = {ast.unparse(decorator) for decorator in item.decorator_list}
    if decorators & {"property", "cached_property"}:
        return f"{item.name}: {ast.unparse(item.returns) if item.returns else 'object'}"
    return _signature(item)


def _signature(node: ast.FunctionDef) -> str:
    """As it is written, without `self`, one parameter a line where it is long."""
    parameters = [*_parameters(node)]
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"def {node.name}({', '.join(parameters)}){result}"
    return line if len(line) <= 90 else f"def {node.name}(\n    " + ",\n    ".join(parameters) + f",\n){result}"


def _parameters(node: ast.FunctionDef) -> Iterator[str]:
    """Each parameter as it is written, with the marks of what is given by position or by name alone."""
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + given.defaults
    for index, (parameter, default) in enumerate(zip(positional, defaults, strict=True)):
        if parameter.arg == "self":
            continue
        yield _parameter(parameter, default)
        if index + 1 == len(given.posonlyargs):
            yield "/"
    if given.kwonlyargs:
        yield "*"
    for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(parameter, default)
    if given.kwarg is not None:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(parameter: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(parameter) + (f" = {ast.unparse(default)}" if default is not None else "")


def _words(node: ast.ClassDef | ast.FunctionDef) -> str:
    """The docstring as Markdown: its examples are blocks of their own."""
    lines: list[str] = []
    in_example = False
    for line in (ast.get_docstring(node) or "").split("\n"):
        if line.startswith(">>>") and not in_example:
            lines.append("```pycon")
            in_example = True
        elif not line and in_example:
            lines.append("```")
            in_example = False
        lines.append(line)
    return "\n".join([*lines, "```"] if in_example else lines)


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
