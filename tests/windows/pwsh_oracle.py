"""A second opinion on our PowerShell: the grammar tree-sitter-pwsh (Wharflab; MIT), which nobody here wrote, beside the twin's own parser.

Limits of that grammar, found with 161 scripts of others: it misreads some text without complaint (`1..3 | % {}` as a command named
1..3) and refuses some right text (clauses of a switch in one line). So "no error" of it alone proves little: the commands that both
parsers see, with the number of their arguments, are compared. A call such as `(Get-Date).AddYears(5)` is two nodes to it; nodes between
which nothing stands are counted as one argument here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from pathlib import Path

import tree_sitter_pwsh
from tree_sitter import Language, Node, Parser

from lab.twin.powershell import tree
from lab.twin.powershell.parser import parse

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([*(ROOT / "fixtures" / "windows").glob("*.ps1"), *(ROOT / "boxes" / "windows").glob("*.ps1")])
BETWEEN = ("command_argument_sep", "redirection", "comment")
"""Children of a command's elements that are no arguments."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A command as a parser sees it."""

    name: str
    """As it is written; of a call by & the variable's name with its dollar sign."""
    arguments: int


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _root(script: str) -> Node:
    return Parser(Language(tree_sitter_pwsh.language())).parse(script.encode()).root_node


def problems(script: str) -> list[str]:
    """Return what the grammar could not read: "line 3: ERROR near '…'", "line 3: MISSING )"."""
    return [f"line {node.start_point[0] + 1}: " + (f"MISSING {node.type}" if node.is_missing else f"ERROR near {(node.text or b'').decode()[:40]!r}")
            for node in _nodes(_root(script)) if node.is_error or node.is_missing]


def commands_by_grammar(script: str) -> list[Seen]:
    """Return the commands in their order, as the grammar sees them."""
    found = []
    for node in _nodes(_root(script)):
        name = node.child_by_field_name("command_name") if node.type == "command" else None
        if name is not None and name.text is not None:
            found.append(Seen(name.text.decode(), sum(_arguments(part.children) for part in node.children if part.type == "command_elements")))
    return found


def _arguments(elements: list[Node]) -> int:
    """Return how many arguments begin in the elements of a command: after white space, not after another or a parameter's colon."""
    # White space between a parameter's colon and its value separates nothing: `-Confirm: $false` is one argument.
    told = elements[:1] + [one for before, one in pairwise(elements) if before.text != b":" or one.type not in BETWEEN]
    begins = [after for before, after in pairwise(told) if before.type in BETWEEN and before.text != b":"]
    return sum(one.type not in BETWEEN for one in begins)


def _trees(node: object) -> Iterator[tree.Node]:
    if isinstance(node, (list, tuple)):
        for one in node:
            yield from _trees(one)
    elif isinstance(node, tree.Node) and is_dataclass(node):
        yield node
        for part in fields(node):
            yield from _trees(getattr(node, part.name))


def commands_by_twin(script: str) -> list[Seen]:
    """Return the commands in their order, as the twin sees them. Raises ParseError."""
    return [Seen(_name(node.name), len(node.arguments)) for node in _trees(parse(script)) if isinstance(node, tree.Command)]


def _name(node: tree.Node) -> str:
    return f"${node.name}" if isinstance(node, tree.Variable) else str(node.value) if isinstance(node, tree.Literal) else type(node).__name__
