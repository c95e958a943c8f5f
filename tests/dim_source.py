"""Dimensions and constraints from text, for the tests of dimension arithmetic: Python's own syntax, read by `ast`."""

from __future__ import annotations

import ast

from tenuto_analysis import dims
from tenuto_analysis.dims import Compare, Constraint, Dim, Relation, Symbol
from tenuto_analysis.facts import EMPTY, Facts

_RELATIONS: dict[type[ast.cmpop], Relation] = {
    ast.Eq: Relation.EQ,
    ast.NotEq: Relation.NE,
    ast.Lt: Relation.LT,
    ast.LtE: Relation.LE,
    ast.Gt: Relation.GT,
    ast.GtE: Relation.GE,
}


def symbol(name: str) -> Symbol:
    """A capital letter names a dimension, `flag_x` a flag, another name an integer that may be negative."""
    return Symbol(name, low=0 if name[0].isupper() else None)


def dim(text: str) -> Dim:
    return _dim(ast.parse(text, mode="eval").body)


def constraint(text: str) -> Constraint:
    return _constraint(ast.parse(text, mode="eval").body)


def facts(*texts: str) -> Facts:
    known = EMPTY
    for text in texts:
        known = known.assume(constraint(text))
    return known


def _dim(node: ast.expr) -> Dim:
    match node:
        case ast.Constant(int(value)):
            return dims.literal(value)
        case ast.Name(name):
            return dims.of(symbol(name))
        case ast.UnaryOp(ast.USub(), operand):
            return -_dim(operand)
        case ast.BinOp(left, op, right):
            a, b = _dim(left), _dim(right)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv():
                    return a // b
                case ast.Mod():
                    return a % b
                case ast.Pow():
                    return dims.power(a, b)
                case _:
                    raise ValueError(ast.unparse(node))
        case ast.Call(ast.Name("max"), [left, right]):
            return dims.maximum(_dim(left), _dim(right))
        case ast.Call(ast.Name("min"), [left, right]):
            return dims.minimum(_dim(left), _dim(right))
        case ast.IfExp(test, then, otherwise):
            return dims.conditional(_constraint(test), _dim(then), _dim(otherwise))
        case _:
            raise ValueError(ast.unparse(node))


def _constraint(node: ast.expr) -> Constraint:
    match node:
        case ast.Constant(bool(value)):
            return dims.Truth(value)
        case ast.Name(name):
            return dims.Flag(symbol(name))
        case ast.UnaryOp(ast.Not(), operand):
            return dims.Not(_constraint(operand))
        case ast.BoolOp(ast.And(), parts):
            return dims.All(tuple(map(_constraint, parts)))
        case ast.BoolOp(ast.Or(), parts):
            return dims.Any_(tuple(map(_constraint, parts)))
        case ast.Compare(left, ops, rights):
            sides = [left, *rights]
            links = [Compare(_RELATIONS[type(op)], _dim(sides[i]), _dim(sides[i + 1])) for i, op in enumerate(ops)]
            return links[0] if len(links) == 1 else dims.All(tuple(links))
        case _:
            raise ValueError(ast.unparse(node))
