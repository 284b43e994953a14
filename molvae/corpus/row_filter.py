"""Choose rows of a table by an expression, such as ``Type == 'IC50' and Value > 6``.

The expression looks like Python, and like that of pandas' ``DataFrame.query``, but nothing of it is executed: it is
parsed, and only comparisons, ``and``, ``or``, ``not``, arithmetic, columns and constants are known here.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from molvae.corpus.numbers import is_missing, number
from molvae.errors import ConfigError

__all__ = ["RowFilter"]

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`([^`]*)`")
_LONGEST = 2_000  # characters: Python's parser takes memory for nested expressions
_ARITHMETIC: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b if b else math.nan,
}
_COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = "columns, numbers, texts in quotes, ==, !=, <, <=, >, >=, in (...), and, or, not, +, -, * and /"

Row = Sequence[Any]
Numeric = Callable[[Row], float]
Text = Callable[[Row], str]


class RowFilter:
    """An expression about the cells of a row.

    A name is a column; one with spaces stands between backticks. A cell is compared with a number as a number, and
    with a text as a text without surrounding white space; a cell that is no number is unequal to all numbers. Two
    columns are compared as numbers.

    Args:
        expression: the text of the user.
        columns: the names of the columns.
        grouping: thousands separators of columns that have one, as in `molvae.corpus.numbers.number`.

    Attributes:
        expression: the text.

    Raises:
        ConfigError: the expression cannot be read, contains something else, or names no column; the message says what
            is allowed, or lists the columns.

    >>> chosen = RowFilter("`Standard Type` == 'IC50' and Value > 6", ["Standard Type", "Value"], {})
    >>> chosen(["IC50", "7.5"]), chosen(["IC50", "n.d."]), chosen(["Ki", "7.5"])
    (True, False, False)
    """

    def __init__(self, expression: str, columns: Sequence[str], grouping: Mapping[str, str]) -> None:
        self.expression, self._columns, self._grouping = expression, columns, grouping
        self._backticks: list[str] = []
        if len(expression) > _LONGEST:
            raise ConfigError(f"--where: the expression has {len(expression):,} characters, of at most {_LONGEST:,}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Python, such as about "1 in 'text'"
                tree = ast.parse(_QUOTED.sub(self._name_of, expression).strip(), mode="eval")
            self._is_true = self._condition(tree.body)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise ConfigError(
                f"--where {expression!r} cannot be read; write for example \"Type == 'IC50' and Value > 6\", with "
                "backticks around a column with spaces"
            ) from None

    def __call__(self, row: Row) -> bool:
        """Whether a row, a cell for each column, is chosen."""
        return self._is_true(row)

    def _name_of(self, match: re.Match[str]) -> str:
        """A Python name for a column between backticks; a text in quotes stays."""
        if match[1] is None:
            return match[0]
        self._backticks.append(match[1])
        return f" __{len(self._backticks) - 1}__ "

    def _condition(self, node: ast.expr) -> Callable[[Row], bool]:
        if isinstance(node, ast.BoolOp):
            parts, join = [self._condition(one) for one in node.values], all if isinstance(node.op, ast.And) else any
            return lambda row: join(part(row) for part in parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            part = self._condition(node.operand)
            return lambda row: not part(row)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = zip(sides, node.ops, sides[1:], strict=False)
            each = [self._comparison(left, op, right) for left, op, right in pairs]
            return lambda row: all(one(row) for one in each)
        raise self._refused(node, "a comparison, such as Value > 6, is missing")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Callable[[Row], bool]:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
                raise self._refused(right, "after in comes a list of constants, such as ('IC50', 'Ki')")
            any_of = [self._comparison(left, ast.Eq(), one) for one in right.elts]
            wanted = isinstance(op, ast.In)
            return lambda row: any(one(row) for one in any_of) == wanted
        compare = _COMPARISONS.get(type(op))
        if compare is None:
            raise self._refused(op)
        if _is_text(left) or _is_text(right):
            a, b = self._text(left), self._text(right)
            return lambda row: compare(a(row), b(row))
        x, y = self._number(left), self._number(right)
        return lambda row: compare(x(row), y(row))

    def _text(self, node: ast.expr) -> Text:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            return lambda _: text
        if isinstance(node, ast.Name):
            place = self._place(node.id)
            return lambda row: "" if row[place] is None else str(row[place]).strip()
        raise self._refused(node, "a text can only be compared with a column")

    def _number(self, node: ast.expr) -> Numeric:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            value = float(node.value)  # type: ignore[arg-type]
            return lambda _: value
        if isinstance(node, ast.Name):
            place = self._place(node.id)
            sign = self._grouping.get(self._columns[place], "")
            return lambda row: math.nan if is_missing(str(row[place])) else number(str(row[place]), sign)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            operand, factor = self._number(node.operand), -1.0 if isinstance(node.op, ast.USub) else 1.0
            return lambda row: factor * operand(row)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            apply, left, right = _ARITHMETIC[type(node.op)], self._number(node.left), self._number(node.right)
            return lambda row: apply(left(row), right(row))
        raise self._refused(node)

    def _place(self, name: str) -> int:
        quoted = re.fullmatch(r"__(\d+)__", name)
        if quoted is not None and int(quoted[1]) < len(self._backticks):
            name = self._backticks[int(quoted[1])]
        if name not in self._columns:
            there = ", ".join(f"`{one}`" if not one.isidentifier() else one for one in self._columns)
            raise ConfigError(f"--where: there is no column {name!r}; the columns are {there}")
        return self._columns.index(name)

    def _refused(self, node: ast.AST, why: str = "") -> ConfigError:
        part = f"the part {ast.unparse(node)!r}" if isinstance(node, ast.expr) else "that comparison"
        return ConfigError(f"--where {self.expression!r}: {part} cannot be used; {why or 'use ' + _ALLOWED}")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
