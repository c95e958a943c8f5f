"""Whatever a file holds, the check ends soon, without an exception, in a few findings or none."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenuto_analysis import model, modules
from tenuto_analysis.database import Database
from tenuto_analysis.diagnostics.base import Finding
from tenuto_grammar.lexer import tokenize
from tests.command import Command, clean_environment

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.ten"))
FILE = "/w/main.ten"
SECONDS = 20.0  # Ten times what the slowest of these takes here; what hangs takes minutes.
HEAD = "fn f(a: f32[N], n: int, p: bool[]) -> f32[N]"


def check(text: str, **others: str) -> tuple[Finding, ...]:
    """The findings of a text beside other files; that they lie inside it, and come soon."""
    db = Database()
    for name, other in others.items():
        db.set(modules.file_text, f"/w/{name}.ten", other)
    db.set(modules.file_text, FILE, text)
    begun = time.process_time()
    found = model.findings(db, FILE)
    assert time.process_time() - begun < SECONDS
    for finding in found:
        assert 0 <= finding.span.start <= finding.span.end <= len(text)
        assert finding.message
        assert len(finding.message) < 20_000
    return found


def rules(text: str, **others: str) -> set[str]:
    return {finding.rule for finding in check(text, **others)}


def lines(line: Callable[[int], str], count: int) -> str:
    return "".join(line(number) + "\n" for number in range(count))


def body(statements: str, result: str = "a") -> str:
    return f"{HEAD} {{\n{statements}  return {result}\n}}\n"


# ------------------------------------------------------------------------------------------------------------ any bytes


@pytest.mark.parametrize(
    "content, rule",
    [
        (b"", None),
        (b" \t\r\n\f", None),
        (b"\n" * 100_000, None),
        (b"# a comment\n" * 100_000, None),
        (b"\xef\xbb\xbffn f(a: f32[N]) -> f32[N] = a\n", None),
        (b"fn f(a: f32[N]) -> f32[N] {\r\n  return a\r\n}\r\n", None),
        (b"fn f(a: f32[N]) -> f32[N] {\r  return a\r}\rfn g(a: f32[N]) -> f32[N] = f(a)\r", None),
        (b"\x00" * 1000, "syntax-error"),
        (b"fn f(a: f32[N]) -> f32[N] = a\x00\n", "syntax-error"),
        (bytes(range(256)) * 40, "invalid-utf8"),
        (b"\x7fELF" + bytes(range(255, 0, -1)) * 40, "invalid-utf8"),
        (b'const s = "\xff\xfe"\n', "invalid-utf8"),
        ("fn f(a: f32[N]) -> f32[N] = a\n".encode("utf-16"), "invalid-utf8"),
        ('const s = "日本 🎹"  # größer\n'.encode(), None),
        ("fn größe(a: f32[N]) -> f32[N] = a\n".encode(), "syntax-error"),
        (b"(" * 1_000_000, "syntax-error"),
        (b'"' + b"x" * 1_000_000, "syntax-error"),
        (b"const x = [" + b"1," * 500_000 + b"1]\n", "invalid-type"),
    ],
    ids=range(18),
)
def test_any_bytes_give_findings_or_none(tenuto: Command, content: bytes, rule: str | None) -> None:
    tenuto.write({"main.ten": content})
    found = tenuto("check", "--format", "concise", "main.ten")
    assert found.code == (0 if rule is None else 1), found
    assert (f"[{rule}]" in found.out) if rule is not None else not found.out
    assert "Traceback" not in found.out + found.err


def test_a_hundred_thousand_lines_of_declarations() -> None:
    text = "".join(f"fn g{i}(\n  a: f32[N],\n) -> f32[N] =\n  a + {i}\n\n" for i in range(20_000))
    assert text.count("\n") == 100_000
    assert check(text) == ()


MEASURED = """
import re
from tenuto.cli.main import run
code = run(["check", "--no-cache", "main.ten"])
found = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())  # Unlike ru_maxrss without the parent's.
print(code, int(found[1]) // 1024)
"""


def test_memory_is_in_proportion(tmp_path: Path) -> None:
    """A megabyte of text may take some hundred megabytes, not thousands."""
    text = lines(lambda i: f"fn g{i}(a: f32[N]) -> f32[N] = a + {i}", 24_000)
    assert len(text) > 900_000
    (tmp_path / "main.ten").write_text(text)
    environment = clean_environment(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    code, megabytes = map(int, done.stdout.split())
    assert (code, megabytes < 1000) == (0, True)


# ------------------------------------------------------------------------------------------------------ deep and long

NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: f"{HEAD} = {'(' * n}a{')' * n}",
    "signs": lambda n: f"{HEAD} = {'- ' * n}a",
    "nots": lambda n: f"const x = {'not ' * n}true",
    "sums": lambda n: f"{HEAD} = {'a + ' * n}a",
    "products": lambda n: f"{HEAD} = {'a * ' * n}a",
    "matrix products": lambda n: f"fn f(a: f32[N, N]) -> f32[N, N] = {'a @ ' * n}a",
    "powers": lambda n: f"const x = {'2 ** ' * n}1",
    "ors": lambda n: f"fn f(a: f32[N]) -> f32[N] where {''.join(f'N == {i} or ' for i in range(n))}N > 1000 = a",
    "comparisons": lambda n: f"const x = {' < '.join(map(str, range(n + 1)))}",
    "casts": lambda n: f"{HEAD} = a{' as f32' * n}",
    "calls": lambda n: f"{HEAD} = {'relu(' * n}a{')' * n}",
    "pipes": lambda n: f"{HEAD} = a{' |> relu()' * n}",
    "indices": lambda n: f"{HEAD} = a{'[0:]' * n}",
    "shrinking": lambda n: f"{HEAD} = a{'[1:]' * n}",
    "fields": lambda n: f"{HEAD} = a{'.x' * n}",
    "lists": lambda n: f"const x = {'[' * n}1{']' * n}",
    "tuples": lambda n: f"const x = {'(' * n}1{', 1)' * n}",
    "comprehensions": lambda n: f"const x = {'[' * n}1{' for _ in range(2)]' * n}",
    "conditional expressions": lambda n: f"{HEAD} = {'if n == 1 then a else ' * n}a",
    "braces": lambda n: f"{HEAD} {'{' * n}{'}' * n}",
    "branches": lambda n: f"{HEAD} {{ {'if p { ' * n}return a{' }' * n} return a }}",
    "static branches": lambda n: (
        f"{HEAD} {{ {''.join(f'if n > {i} {{ ' for i in range(n))}return a{' }' * n} return a }}"
    ),
    "else branches": lambda n: (
        f"{HEAD} {{ {''.join(f'if n == {i} {{ return a }} else ' for i in range(n))}{{ return a }} }}"
    ),
    "static loops": lambda n: f"{HEAD} {{ var x = a {'for _ in range(2) { ' * n}x = x + 1.0{' }' * n} return x }}",
    "growing loops": lambda n: (
        f"{HEAD} {{ var x = a {'for _ in range(2) { ' * n}x = concat([x, a], axis = 0){' }' * n} return x }}"
    ),
    "real loops": lambda n: f"{HEAD} {{ var x = a {'for _ in range(N) { ' * n}x = x + 1.0{' }' * n} return x }}",
    "whiles": lambda n: f"{HEAD} {{ var x = a {'while p { ' * n}x = x + 1.0{' }' * n} return x }}",
    "tuple types": lambda n: f"fn f(a: {'(' * n}f32[N]{', f32[])' * n}) -> f32[N] = a{'.0' * n}",
    "list types": lambda n: f"fn f(a: {'list[' * n}f32[N]{', 2]' * n}) -> f32[N] = a{'[0]' * n}",
    "model types": lambda n: f"fn f(a: {'model(' * n}f32[N]{') -> f32[N]' * n}) -> f32[N] = a",
    "sizes": lambda n: f"fn f(a: f32[{'min(N, 1 + ' * n}M{')' * n}], b: f32[N, M]) -> f32[N] = a",
    "divided sizes": lambda n: f"fn f(a: f32[{'(' * n}N{' + 1) // 2' * n}], b: f32[N]) -> f32[N] = a",
    "maps": lambda n: f"deploy d = M {{ x: {'{ x: ' * n}1{' }' * n} }}",
}


@pytest.mark.parametrize("nested", NESTED.values(), ids=NESTED)
def test_nesting_of_any_depth_ends_soon(nested: Callable[[int], str]) -> None:
    for depth in (10, 30, 60, 90, 95, 99, 130, 180, 190, 195, 199, 1000, 10_000):
        text = nested(depth)
        check(text)
        check(text[: len(text) // 2])


@pytest.mark.parametrize("kind", ["sums", "pipes", "parentheses", "branches", "lists", "else branches"])
def test_what_is_too_deep_is_said_once(kind: str) -> None:
    (found,) = check(NESTED[kind](10_000))
    assert (found.rule, "nested" in found.message) == ("syntax-error", True)


LONG: dict[str, str] = {
    "assignments": body("  var x = a\n" + "  x = x + 1.0\n" * 10_000, "x"),
    "lets": body("  let y0 = a\n" + lines(lambda i: f"  let y{i + 1} = y{i} + 1.0", 5_000), "y5000"),
    "parameters": f"fn f({', '.join(f'x{i}: f32[N]' for i in range(1_000))}) -> f32[N] = x0\n"
    f"fn g(x: f32[N]) -> f32[N] = f({', '.join(['x'] * 1_000)})\n",
    "named arguments": f"fn f({', '.join(f'x{i}: f32[N]' for i in range(1_000))}) -> f32[N] = x0\n"
    f"fn g(x: f32[N]) -> f32[N] = f({', '.join(f'x{i} = x' for i in range(1_000))})\n",
    "sizes of parameters": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(1_000))}) -> f32[N0] = x0\n"
    f"fn g(x: f32[N]) -> f32[N] = f({', '.join(['x'] * 1_000)})\n",
    "axes": f"fn f(a: f32[{', '.join(f'N{i}' for i in range(1_000))}]) -> f32[] = sum(a + a) + sum(transpose(a))\n",
    "product of axes": f"fn f(a: f32[{', '.join(f'N{i}' for i in range(1_000))}]) -> f32[N0] = reshape(a, shape[-1])\n",
    "constraints in a row": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(501))}) -> f32[N0]\n"
    f"  where {', '.join(f'N{i} <= N{i + 1}' for i in range(500))}\n= x500",
    "equations": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(501))}) -> f32[N0]\n"
    f"  where {', '.join(f'N{i} == N{i + 1} + 1' for i in range(500))}\n= x500",
    "divisibility": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(500))}) -> f32[N0, N1]\n"
    f"  where {', '.join(f'N{i} % 7 == 0' for i in range(500))}\n= reshape(x499, shape[7, -1])",
    "products of sizes": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(500))}) -> f32[N0]\n"
    f"  where {', '.join(f'N{i} * N{(i + 1) % 500} == N{i * 7 % 500} * N{i * 3 % 500}' for i in range(500))}\n= x499",
    "alternatives": f"fn f({', '.join(f'x{i}: f32[N{i}]' for i in range(60))}) -> f32[N0]\n"
    f"  where {', '.join(f'(N{i} == 1 or N{i} == N{(i + 1) % 60})' for i in range(60))}\n= x59",
    "parts": f"{HEAD} = concat([{'a, ' * 10_000}], axis = 0)",
    "chain of functions": lines(lambda i: f"fn g{i}(x: f32[N]) = g{i + 1}(x)", 2_000) + "fn g2000(x: f32[N]) = x\n",
    "chain of constants": lines(lambda i: f"const c{i} = c{i + 1} + 1", 2_000) + "const c2000 = 1\n",
    "chain of models": lines(lambda i: f"model M{i}(x: f32[N]) {{\n  sub m = M{i + 1}\n  return m(x)\n}}", 1_000)
    + "model M1000(x: f32[N]) = x\n",
    "chain of types": lines(lambda i: f"type T{i} = list[T{i + 1}, 2]", 300) + "type T300 = f32[1]\n",
    "chain of records": lines(lambda i: f"record R{i} {{ r: R{i + 1} }}", 300) + "record R300 { n: dim }\n",
    "the same name": "fn f(x: f32[N]) -> f32[N] = x\n" * 2_000,
    "imports": lines(lambda i: f"import m{i} {{ A, B }}", 1_000),
    "unknown names": body(lines(lambda i: f"  let y{i} = z{i}", 1_000)),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_what_is_long_ends_soon(text: str) -> None:
    check(text)


# ------------------------------------------------------------------------------------------------------ large values

LARGE: dict[str, tuple[str, set[str]]] = {
    "digits": (f"const x = {'9' * 100_000}\n", {"syntax-error"}),
    "a power": ("const x = 2 ** 10_000_000\nfn f(a: f32[x]) -> f32[x] = a\n", set()),
    "a tower": ("const x = 9 ** 9 ** 9 ** 9\n", set()),
    "a power in a shape": (
        "fn f(a: f32[N]) -> f32[2 ** 10_000_000] where N == 2 ** 10_000_000 = a\n",
        {"dimension-mismatch"},
    ),
    "a size to a power": ("fn f(a: f32[N]) -> f32[N ** 1000] = a\n", {"dimension-mismatch"}),
    "a sum to a power": ("fn f(a: f32[N, M]) -> f32[(N + M) ** 200] = a\n", {"rank-mismatch"}),
    "a large float": ("const x = 1e999999\nconst y = 10.0 ** 1000.0\n", {"invalid-operation"}),
    "no real value": ("const x = (0.0 - 1.0) ** 0.5\n", {"invalid-operation"}),
    "division by zero": (
        "const x = 1 // 0\nconst y = 1 % 0\nconst z = 1.0 / 0.0\n",
        {"zero-divisor", "invalid-operation"},
    ),
    "a long loop": (body("  var x = a\n  for _ in range(1_000_000_000) {\n    x = x + 1.0\n  }\n", "x"), set()),
    "a long loop that grows": (
        body("  var x = a\n  for _ in range(1_000_000) {\n    x = concat([x, a], axis = 0)\n  }\n", "x"),
        {"loop-changes-type"},
    ),
    "a long list": ("const x = [i for i in range(1_000_000_000)]\n", set()),
    "powers in a list": ("const x = [10 ** (10 ** i) for i in range(20)]\n", set()),
    "lists in lists": (
        "const x = [[[[i for i in range(100)] for _ in range(100)] for _ in range(100)] for _ in range(100)]\n",
        {"invalid-type"},
    ),
    "many layers": (
        "import std.nn { Linear }\n"
        "model M(x: float[N]) -> float[N] {\n"
        "  sub l = [Linear[N, N] for _ in range(1_000_000_000)]\n"
        "  return l[0](x)\n"
        "}\n",
        set(),
    ),
    "doubled tuples": (
        body("  let y0 = (a, a)\n" + lines(lambda i: f"  let y{i + 1} = (y{i}, y{i})", 60)),
        {"invalid-type"},
    ),
    "doubled types": (
        "type T0 = (f32[1], f32[1])\n" + lines(lambda i: f"type T{i + 1} = (T{i}, T{i})", 60),
        {"invalid-type"},
    ),
    "doubled records": (
        "record R0 { a: f32[1] }\n" + lines(lambda i: f"record R{i + 1} {{ a: R{i}, b: R{i} }}", 60),
        {"invalid-type"},
    ),
    "doubled axes": (
        body("  let y0 = a\n" + lines(lambda i: f"  let y{i + 1} = concat([y{i}, y{i}], axis = 0)", 2_000), "y2000"),
        {"dimension-mismatch"},
    ),
    "a wide range": (f"fn f(x: i64[N] within 0 .. {'9' * 900}) -> i64[N] within 0 .. 1 = x\n", {"out-of-range"}),
    "a long pattern": (f'{HEAD} = rearrange(a, "{" ".join(f"a{i}" for i in range(1_000))} -> b")\n', {"bad-pattern"}),
    "a deep pattern": (f'{HEAD} = rearrange(a, "{"(" * 5_000}")\n', {"bad-pattern"}),
}


@pytest.mark.parametrize("text, expected", LARGE.values(), ids=LARGE)
def test_large_values_are_bounded(text: str, expected: set[str]) -> None:
    found = rules(text)
    assert expected <= found
    assert found <= expected | {"unused-name"}


# -------------------------------------------------------------------------------------------- what is defined by itself

CIRCLES: dict[str, str] = {
    "a record": "record R { r: R, n: dim }\nfn f(x: R) -> R = x\n",
    "a record by a list": "record R { r: list[R, 2] }\nfn f(x: R) -> R = x\n",
    "a record by an optional": "record R { r: R? = none, x: f32[1] }\nfn f(x: R) -> R = x\n",
    "two records": "record A { b: B }\nrecord B { a: A }\nfn f(x: A) -> B = x.b\n",
    "an alias": "type T = T\nfn f(x: T) -> T = x\n",
    "a generic alias": "type T[N] = T[N + 1]\nfn f(x: T[1]) -> T[2] = x\n",
    "two aliases": "type A = list[B, 2]\ntype B = (A, A)\nfn f(x: A) -> B = x\n",
    "a model's type": "type M = model(M) -> M\nfn f(x: M) -> M = x\n",
    "a constant": "const a = a + 1\nfn f(x: f32[a]) -> f32[a] = x\n",
    "two constants": "const a = b + 1\nconst b = a + 1\nfn f(x: f32[a]) -> f32[b] = x\n",
    "a function": "fn f(x: f32[N]) = f(x)\n",
    "a function with a result": "fn f(x: f32[N]) -> f32[N] = f(x)\n",
    "two functions": "fn f(x: f32[N]) = g(x)\nfn g(x: f32[N]) = f(x)\n",
    "a model": "model M(x: f32[N]) -> f32[N] {\n  sub m = M\n  return m(x)\n}\n",
    "a generic model": "model M[n: int](x: f32[N]) -> f32[N] {\n  sub m = M[n + 1]\n  return m(x)\n}\n",
    "a default": "fn f(x: f32[N], y: f32[N] = f(x)) -> f32[N] = x\n",
    "a record's default": "record R { a: int = R(a = 1).a }\n",
    "all together": "const c = R(n = c.n)\nrecord R { n: dim = c.n }\ntype T = f32[c.n]\nfn f(x: T) -> T = x\n",
}


@pytest.mark.parametrize("text", CIRCLES.values(), ids=CIRCLES)
def test_what_is_defined_by_itself_is_said_once(text: str) -> None:
    found = [finding.rule for finding in check(text)]
    assert found == ["recursive-definition"]


def test_files_that_import_each_other() -> None:
    here = "import other { g }\n\nfn f(x: f32[N]) -> f32[N] = g(x)\n"
    there = "import main { f }\n\nfn g(x: f32[N]) -> f32[N] = f(x)\n"
    assert rules(here, other=there) == {"import-cycle"}
    assert rules("import main { f }\n\nfn f(x: f32[N]) -> f32[N] = x\n") >= {"import-cycle"}


def test_a_long_chain_of_files() -> None:
    length = 150
    files = {f"m{i}": f"import m{i + 1} {{ g{i + 1} }}\nfn g{i}(x: f32[N]) = g{i + 1}(x)\n" for i in range(length)}
    files[f"m{length}"] = f"fn g{length}(x: f32[N]) = x\n"
    assert check("import m0 { g0 }\nfn f(x: f32[N]) -> f32[N] = g0(x)\n", **files) == ()


# -------------------------------------------------------------------------------------------------- spoiled examples


def prefixes(text: str) -> list[str]:
    """What stands before each token of a text."""
    return [text[: span[0]] for span in tokenize(text).spans]


def without_tokens(text: str, choice: random.Random, count: int) -> Iterator[str]:
    """The text with one to four tokens left out."""
    spans = [span for span in tokenize(text).spans if span[0] < span[1]]
    for _ in range(count):
        spoiled = text
        for start, end in sorted(choice.sample(spans, choice.randint(1, 4)), reverse=True):
            spoiled = spoiled[:start] + spoiled[end:]
        yield spoiled


def check_in(db: Database, text: str) -> None:
    """Check one more text of a file, as an editor would."""
    db.set(modules.file_text, FILE, text)
    for finding in model.findings(db, FILE):
        assert 0 <= finding.span.start <= finding.span.end <= len(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_some_prefixes_and_some_deletions(example: Path) -> None:
    text, choice, db = example.read_text(encoding="utf-8"), random.Random(example.stem), Database()
    for spoiled in (*choice.sample(prefixes(text), 40), *without_tokens(text, choice, 40)):
        check_in(db, spoiled)


@pytest.mark.heavy
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_prefix_and_many_deletions(example: Path) -> None:
    text, choice, db = example.read_text(encoding="utf-8"), random.Random(f"many {example.stem}"), Database()
    for spoiled in (*prefixes(text), *without_tokens(text, choice, 500)):
        check_in(db, spoiled)
