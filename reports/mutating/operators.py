"""The faults: every place of a module where one can be made, and the module with one of them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SWAPPED_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_SWAPPED_NAMES = {
    "min": "max",
    "max": "min",
    "minimum": "maximum",
    "maximum": "minimum",
    "any": "all",
    "all": "any",
    "argmin": "argmax",
    "argmax": "argmin",
    "floor": "ceil",
    "ceil": "floor",
    "sum": "max",
    "nansum": "sum",
    "mean": "median",
    "nanmean": "mean",
    "zeros": "ones",
    "ones": "zeros",
    "ascending": "descending",
    "left": "right",
    "right": "left",
    "logical_and": "logical_or",
    "logical_or": "logical_and",
}


_HARMLESS = frozenset({"dtype", "strict", "copy", "stacklevel"})
"""Arguments that say what is so already: without them right inputs give the same."""


LONGEST = 150
"""Characters of a statement that are shown."""


@dataclass(frozen=True)
class Mutant:
    """A module with one fault.

    Attributes:
        module: Path of the module, from the root of the checkout.
        number: Of the fault among all that can be made in the module, from 0.
        line: Where it is.
        kind: What was done, in words.
    """

    module: str
    number: int
    line: int
    kind: str


def find_mutants(root: Path, module: Path) -> list[Mutant]:
    """All faults that can be made in a module, in the order of its lines."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    name = module.relative_to(root).as_posix()
    return [Mutant(name, i, line, kind) for i, (line, kind) in enumerate(_faults(tree, None))]


def make_mutant(source: str, number: int) -> tuple[str, str, str]:
    """Make one fault.

    Args:
        source: The module.
        number: Of the fault, as in `Mutant`.

    Returns:
        The module with the fault, and the statement with it: as it was, and as it is.
    """
    tree = ast.parse(source)
    before = copy.deepcopy(tree)
    line, _ = list(_faults(tree, number))[number]
    ast.fix_missing_locations(tree)
    changed = ast.unparse(tree)
    return changed, *_difference(ast.unparse(before), changed, line)


def _difference(before: str, after: str, line: int) -> tuple[str, str]:
    """What differs: the lines that do, of long ones the place."""
    old, new = before.splitlines(), after.splitlines()
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)) - 1)
    ends = zip(reversed(old[start:]), reversed(new[start:]), strict=False)
    same = next((i for i, (a, b) in enumerate(ends) if a != b), 0)
    was, now = (" ".join(part.strip() for part in lines[start : len(lines) - same or None]) for lines in (old, new))
    if max(len(was), len(now)) > LONGEST:
        at = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), 0)
        was, now = (_around(text, at) for text in (was, now))
    return was or f"line {line}", now


def _around(text: str, at: int) -> str:
    """A part of a long text."""
    first, last = max(at - LONGEST // 2, 0), at + LONGEST // 2
    return ("... " if first else "") + text[first:last] + (" ..." if last < len(text) else "")


def _faults(tree: ast.Module, wanted: int | None) -> Iterator[tuple[int, str]]:
    """Line and kind of every fault; the one of number `wanted` is made on the way."""
    count = 0
    for place in _places(tree):
        for kind in place.kinds():
            if count == wanted:
                place.make(kind)
            yield place.line, kind
            count += 1


@dataclass
class _Place:
    """A node and where its parent holds it."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", getattr(self.parent, "lineno", 1))

    def replace(self, new: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.index] = new

    def kinds(self) -> list[str]:
        """The faults that can be made here, in words."""
        node = self.node
        if type(node) in _SWAPPED_OPERATORS:
            old, new = type(node).__name__, _SWAPPED_OPERATORS[type(node)].__name__
            return [f"{old} becomes {new}"]
        if isinstance(node, ast.UnaryOp):
            return [f"{type(node.op).__name__} is left out"]
        if isinstance(node, ast.Constant):
            return _kinds_of_constant(node.value)
        if isinstance(node, ast.Attribute | ast.Name) and self._called() and _name(node) in _SWAPPED_NAMES:
            return [f"{_name(node)} becomes {_SWAPPED_NAMES[_name(node)]}"]
        if isinstance(node, ast.keyword) and node.arg is not None and node.arg not in _HARMLESS:
            return [f"the argument {node.arg} is left out"]
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            return ["the condition is turned round"]
        if isinstance(node, ast.Raise | ast.AugAssign | ast.Continue | ast.Break):
            return [f"{type(node).__name__.lower()} is left out"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return ["the call is left out"]
        return []

    def _called(self) -> bool:
        return isinstance(self.parent, ast.Call) and self.field == "func"

    def make(self, kind: str) -> None:
        """Make the fault."""
        node = self.node
        if type(node) in _SWAPPED_OPERATORS:
            self.replace(_SWAPPED_OPERATORS[type(node)]())
        elif isinstance(node, ast.UnaryOp):
            self.replace(node.operand)
        elif isinstance(node, ast.Constant):
            node.value = _changed_constant(node.value)
        elif isinstance(node, ast.Attribute):
            node.attr = _SWAPPED_NAMES[node.attr]
        elif isinstance(node, ast.Name):
            node.id = _SWAPPED_NAMES[node.id]
        elif isinstance(node, ast.keyword):
            getattr(self.parent, self.field).remove(node)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        else:
            assert "left out" in kind
            self.replace(ast.Pass())


def _name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _kinds_of_constant(value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"{value} becomes {not value}"]
    if isinstance(value, int | float) or value in ("left", "right"):
        return [f"{value} becomes {_changed_constant(value)}"]
    return []


def _changed_constant(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 1.1 if value else 0.1
    return _SWAPPED_NAMES[str(value)]


def _places(tree: ast.Module) -> Iterator[_Place]:
    """All nodes in which a fault would be one of behaviour: no types, messages, documentation or definitions."""
    stack: list[ast.AST] = [tree]
    while stack:
        parent = stack.pop()
        children = []
        for field, value in ast.iter_fields(parent):
            if _silent(parent, field):
                continue
            for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST) and not isinstance(node, ast.JoinedStr | ast.ImportFrom | ast.Import):
                    yield _Place(node, parent, field, index)
                    children.append(node)
        stack += reversed(children)


def _silent(parent: ast.AST, field: str) -> bool:
    """Whether a part of a node says nothing about behaviour."""
    if field in ("annotation", "returns", "type_params", "decorator_list", "bases", "ctx"):
        return True
    if isinstance(parent, ast.Raise):  # the message; whether it is raised is another fault
        return field in ("exc", "cause")
    return isinstance(parent, ast.If) and isinstance(parent.test, ast.Name) and parent.test.id == "TYPE_CHECKING"
