"""What must be proved, and what must be refused with numbers that show why: one obligation a line, facts first."""

from __future__ import annotations

import pytest

from tenuto_analysis.dims import holds, render
from tenuto_analysis.facts import Proved, Unproved
from tests.dim_source import constraint, facts

PROVED = """
: 1 + N == N + 1
: N + 1 - 1 == N
: A + (B + C) == (A + B) + C
: N * (M + 1) == N * M + N
: (A + B) * (A - B) == A * A - B * B
: (2 * N) // 2 == N
: (6 * N + 4) // 2 == 3 * N + 2
: (H - 1) // 2 + 1 == (H + 1) // 2
: -(-N // 2) == (N + 1) // 2
: -(-N // 4) == (N + 3) // 4
: N // 2 + (N + 1) // 2 == N
: N // 3 + (N + 1) // 3 + (N + 2) // 3 == N
: (N // 2) // 3 == N // 6
: ((N // 2) // 2) // 2 == N // 8
: N % 2 + 2 * (N // 2) == N
: N % 6 % 3 == N % 3
: (N + 4) % 4 == N % 4
: N >= 0
: N * M >= 0
: N + M >= N
: min(A, B) <= A
: min(A, B) <= max(A, B)
: min(A, B) + max(A, B) == A + B
: max(N - 10, 0) >= 0
: max(N - 10, 0) <= N
: max(A, max(B, C)) == max(max(C, A), B)
: max(N, 0) == N
: max(N - 3, 0) + min(N, 3) == N
: N % 5 < 5
: N % 5 >= 0
: n % 5 >= 0
: n % 5 <= 4
: N // 2 <= N
: 2 * (N // 2) <= N
: 2 * (N // 2) >= N - 1
: N != N + 1
: 2 * N != 2 * M + 1
: 768 % 12 == 0
: 768 // 12 * 12 == 768
: (A if A < B else B) == min(A, B)
: (H + 2 * 1 - 3) // 1 + 1 == H
: (H + 2 * 1 - 1 * (3 - 1) - 1) // 1 + 1 == H
: (N * 6) % 3 == 0
: N * (N + 1) % 1 == 0
: (A + B) // 1 == A + B
: N * N >= N
: A - 1 < A
: 3 * n != 1
D % H == 0 : (D // H) * H == D
D % H == 0 : (2 * D) % H == 0
D % H == 0 : (D * K) % H == 0
D % H == 0 : (D // H) * H * N == D * N
D % H == 0 : H * (D // H) + 1 == D + 1
D % H == 0 : (D * K) // H == (D // H) * K
D % H == 0 : H >= 1
D % H == 0 : 3 * (D // H) * H == 3 * D
D % H == 0 : B * S * D == B * S * H * (D // H)
D % H == 0 ; D % K == 0 : D % H + D % K == 0
D % (H * K) == 0 : D % H == 0
D % (2 * H) == 0 : D % H == 0
(A + B) % H == 0 : ((A + B) // H) * H == A + B
D == H * K ; H >= 1 : D // H == K
D == H * K ; H >= 1 : D % H == 0

H % 2 == 0 : (H // 2) * 2 == H
H % 2 == 0 : (H + 2 * 3 - 6 - 1) // 2 + 1 == H // 2
H % 2 == 0 : (H + 2 * 3 - 7) // 2 + 1 == H // 2
H % 32 == 0 : ((((H // 2) // 2) // 2) // 2) // 2 * 32 == H
H % 32 == 0 : (((((H - 1) // 2 + 1) - 1) // 2 + 1 - 1) // 2 + 1) * 8 == H
H % 4 == 0 : (H // 2) % 2 == 0
N % 6 == 0 : N % 2 == 0
N % 6 == 0 : N % 3 == 0
N % 6 == 0 : (N // 6) * 3 == N // 2
N % 4 == 0 ; N % 6 == 0 : N % 12 == 0
N % 2 == 0 ; N % 3 == 0 : N % 6 == 0
N % 4 == 1 : (N - 1) % 4 == 0
N % 4 == 3 : N % 2 == 1
N % 2 == 0 ; M % 2 == 0 : (N + M) % 2 == 0
N % 2 == 1 ; M % 2 == 1 : (N + M) % 2 == 0
N % 2 == 0 : (N * M) % 2 == 0
N % 2 == 0 : (6 * N) % 4 == 0
N % 2 == 0 : ((6 * N) // 4) * 4 == 6 * N
M >= 1 : N * M >= N
M >= 1 : (N * M) // M == N
M >= 1 : (N * M) % M == 0
M >= 1 : (N * M + M) // M == N + 1
M >= 1 : N // M <= N
M >= 1 : N % M < M
M >= 1 : N % M <= N
M >= 1 : (N // M) * M <= N
M >= 1 : (N // M) * M + N % M == N
B >= 1 ; C >= 1 : (A // B) // C == A // (B * C)
N >= 1 ; M >= 1 : N * M >= 1
N >= 2 ; M >= 2 : N * M >= N + M
N >= 1 : N - 1 >= 0
N >= 10 : max(N - 10, 0) == N - 10
N <= 10 : max(N - 10, 0) == 0
S <= P : S <= P + 3
S <= P : S * D <= P * D
S <= P ; P <= 512 : S <= 512
S + P <= 2048 ; P >= 48 : S <= 2000
0 <= i ; i < N : i + 1 <= N
0 <= i ; i < N : N >= 1
0 <= i ; i < N : i % N == i
0 <= i ; i < N : i // N == 0
0 <= i ; i < N ; 0 <= j ; j < M : i * M + j < N * M
0 <= i ; i < N ; 0 <= j ; j < M : (i * M + j) // M == i
0 <= i ; i < N ; 0 <= j ; j < M : (i * M + j) % M == j
N == M : N + 1 == M + 1
N == M : N * K == M * K
N == M ; M == K : N == K
A == B * C : A * D == B * C * D
N == 5 : N * M == 5 * M
N + M == 10 ; N - M == 2 : N == 6
2 * N == 7 : 1 == 2
2 * N + 3 * M == 5 : N == 1
3 * N <= 10 ; 3 * N >= 8 : N == 3
N > 3 ; N < 5 : N == 4
N != 0 : N >= 1
N <= 1 ; N != 0 : N == 1
N == 1 or N == 2 : N <= 2
N == 1 or N == 2 : N >= 1
A == 1 or A == B : max(A, 1) == A or B == 0
N % 2 == 0 or N % 3 == 0 ; N % 6 == 1 : 1 == 2
not (N < 3 or N > 5) : N >= 3 and N <= 5
flag_x : flag_x
flag_x : flag_x or N == 1
N // 2 == 3 : N <= 7
N // 2 == 3 : N >= 6
N % 2 == 1 : N // 2 * 2 + 1 == N
H // 2 ** i >= 1 ; i >= 0 : H >= 1
L >= 1 : H // 2 ** (L + 1) == (H // 2 ** L) // 2
K <= D ; D % H == 0 : K <= (D // H) * H
H + 2 * P >= X * (K - 1) + 1 ; Z >= 1 : (H + 2 * P - X * (K - 1) - 1) // Z + 1 >= 1
Q % G == 0 ; O % G == 0 : (Q // G) * G == Q and (O // G) * G == O
Q % G == 0 : (H * Q) % G == 0
N == 2 * K : N % 2 == 0
N == 2 * K : N // 2 == K
N == 2 * K + 1 : N // 2 == K
W % 16 == 0 ; H % 16 == 0 : (H // 16) * (W // 16) * 256 == H * W
W % 16 == 0 ; H % 16 == 0 : ((H - 16) // 16 + 1) * ((W - 16) // 16 + 1) == (H // 16) * (W // 16)
"""

REFUSED = """
: N == M
: K == L
: 768 == 770
: N + 1 == N
: N == 10
: 768 % 10 == 0
: N * 6 % 4 == 0
: D % H == 0
: (D // H) * H == D
: (H // 2) * 2 == H
: N >= 1
: N <= 512
: S <= P
: N * M >= N
: (N * M) // M == M
: N // 2 == (N + 1) // 2
: max(N - 10, 0) == N - 10
: min(A, B) == A
: A * B == A + B
: N - 1 >= 0
: n >= 0
: n * n >= 2 * n
: N % 2 == 0
: N * N == 4
: 2 * N == M
: N // 2 >= 1
: N != 3
: N % 3 == N % 6
: (N // 2) * 3 == (3 * N) // 2
: (A + B) // 2 == A // 2 + B // 2
: (A * B) // 2 == (A // 2) * B
: max(A, B) == A + B
: N == 1 or N == 2
: N >= 3 and N <= 5
: flag_x
: (H - 1) // 2 + 1 == H // 2
: (H + 2 * 3 - 7) // 2 + 1 == H // 2
: ((H // 2) // 2) * 4 == H
: A < B or B < A
N % 2 == 0 : N % 4 == 0
N % 2 == 0 ; N % 4 == 0 : N % 8 == 0
N % 6 == 0 : N % 12 == 0
N % 6 == 0 : N == 6
D % H == 0 : H % D == 0
D % H == 0 : D >= H
D % H == 0 ; D % K == 0 : D % (H * K) == 0
D % H == 0 : (D + 1) % H == 0
(D * K) % H == 0 : D % H == 0
D == H * K ; H >= 1 : D // H == K + 1
M >= 1 : N * M > N
M >= 1 : N // M < N
M >= 1 : N * M == N
S <= P : S < P
S <= P : S * D < P * D
S <= 512 : S <= 511
S + P <= 2048 : S + P <= 2047
0 <= i ; i < N : i + 1 < N
0 <= i ; i < N ; 0 <= j ; j < M : i * M + j < N
N == M : N == M + 1
N != M : N > M
N == M ; M != K : N + 1 == K
N >= 1000 : N >= 1001
N >= 1000 ; N % 64 == 0 : N % 128 == 0
N > 3 ; N < 6 : N == 4
N == 1 or N == 2 : N == 1
N % 2 == 0 or N % 3 == 0 : N % 6 == 0
N // 2 == 3 : N == 6
2 * N + 3 * M == 13 : N == 5
H % 32 == 0 : H // 32 * 64 == H
C % G == 0 ; O % G == 0 : C == O
W % 16 == 0 : W % 32 == 0 or W == 16
N + M == 10 : N == M
A == B * C : A == B
A <= B ; B <= C : C <= A
D % H == 0 ; D >= 1 : D // H >= 2
"""

FALSE_ALWAYS = [
    ("", "768 == 770"),
    ("", "N + 1 == N"),
    ("", "768 % 10 == 0"),
    ("", "N + 1 <= N"),
    ("N == M", "N == M + 1"),
    ("N % 2 == 0", "N % 2 == 1"),
    ("N >= 5", "N <= 3"),
]

SUFFICES = [
    ("", "D % H == 0", "D % H == 0"),
    ("", "(D // H) * H == D", "D % H == 0"),
    ("", "(H // 2) * 2 == H", "H % 2 == 0"),
    ("", "N == M", "N == M"),
    ("", "N * 6 % 4 == 0", "N % 2 == 0"),
    ("", "S <= P", "S <= P"),
    ("", "N * A == M * A", "N == M"),
    ("", "max(N - 10, 0) == N - 10", "N >= 10"),
    ("", "N >= 1", "N >= 1"),
    ("", "N * M >= N", "M >= 1"),
    ("", "3 * N == 3 * M + 6", "N == M + 2"),
    ("N % 2 == 0", "N % 4 == 0", "N % 4 == 0"),
    ("", "(H - 1) // 2 + 1 == H // 2", "H % 2 == 0"),
    ("", "S < P", "S < P"),
    ("H >= 1", "(H * K) // H == N", "K == N"),
]


def _cases(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.strip().splitlines() if line]
    return [(known.strip(), goal.strip()) for known, goal in (line.split(":") for line in lines)]


def _parts(known: str) -> list[str]:
    return [part.strip() for part in known.split(";") if part.strip()]


def test_the_lists_are_long_enough() -> None:
    assert len(_cases(PROVED)) >= 80
    assert len(_cases(REFUSED)) >= 60


@pytest.mark.parametrize(("known", "goal"), _cases(PROVED))
def test_what_must_be_proved_is(known: str, goal: str) -> None:
    assert isinstance(facts(*_parts(known)).prove(constraint(goal)), Proved)


@pytest.mark.parametrize(("known", "goal"), _cases(REFUSED))
def test_what_must_be_refused_is_with_numbers_that_break_it(known: str, goal: str) -> None:
    given = facts(*_parts(known))
    verdict = given.prove(constraint(goal))
    assert isinstance(verdict, Unproved)
    assert verdict.gave_up is None
    assert verdict.counterexample is not None
    assert holds(constraint(goal), verdict.counterexample) is False
    assert all(holds(fact, verdict.counterexample) for fact in given.known)
    assert all(leaf.low is None or value >= leaf.low for leaf, value in verdict.counterexample.items())
    for fact in verdict.suffices:
        assert given.assume(fact).proves(constraint(goal))


@pytest.mark.parametrize(("known", "goal"), FALSE_ALWAYS)
def test_what_is_false_for_all_sizes_is_said_to_be(known: str, goal: str) -> None:
    verdict = facts(*_parts(known)).prove(constraint(goal))
    assert isinstance(verdict, Unproved)
    assert verdict.refuted_always
    assert verdict.suffices == ()


@pytest.mark.parametrize(("known", "goal", "expected"), SUFFICES)
def test_the_fact_that_would_suffice_is_named_first(known: str, goal: str, expected: str) -> None:
    verdict = facts(*_parts(known)).prove(constraint(goal))
    assert isinstance(verdict, Unproved)
    assert not verdict.refuted_always
    assert render(verdict.suffices[0]) == expected
