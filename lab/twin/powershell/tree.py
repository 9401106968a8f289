"""The syntax tree. Every node knows where it begins in the source."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """Base: `at` is the offset of the node's first character."""

    at: int


# -- expressions ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Literal(Node):
    """A number or a string without anything to expand."""

    value: object
    bare: bool = False
    """An unquoted word of a command's arguments."""
    text: str = ""
    """How a number among a command's arguments is spelt."""


@dataclass(slots=True)
class Variable(Node):
    """$name, ${name}, $scope:name; @name when splatted."""

    name: str
    splatted: bool = False


@dataclass(slots=True)
class Expandable(Node):
    """A double-quoted string: texts and expressions in turn."""

    parts: list[str | Node]


@dataclass(slots=True)
class Array(Node):
    """A, b, c."""

    items: list[Node]


@dataclass(slots=True)
class ArrayExpression(Node):
    """@( … ): always an array."""

    body: list[Node]


@dataclass(slots=True)
class SubExpression(Node):
    """$( … )."""

    body: list[Node]


@dataclass(slots=True)
class Parenthesis(Node):
    """( pipeline or assignment )."""

    inner: Node


@dataclass(slots=True)
class Hash(Node):
    """@{ key = value }."""

    entries: list[tuple[Node, Node]]


@dataclass(slots=True)
class Block(Node):
    """A script block or a function's body."""

    parameters: list[Parameter]
    body: list[Node]
    source: str
    """Its own text."""
    process: list[Node] | None = None
    begin: list[Node] | None = None
    origin: str = ""
    """The whole text in which it stands; offsets count from its beginning."""
    advanced: bool = False
    """It has CmdletBinding or a Parameter attribute: arguments that it does not declare are errors."""


@dataclass(slots=True)
class Parameter(Node):
    """One parameter of a param block."""

    name: str
    type: str | None
    default: Node | None
    mandatory: bool = False
    allowed: list[str] | None = None
    """Of ValidateSet."""
    not_empty: bool = False
    """ValidateNotNullOrEmpty."""
    may_be_empty: bool = False
    """AllowNull, AllowEmptyString."""
    advanced: bool = False
    """It has a Parameter attribute."""


@dataclass(slots=True)
class Unary(Node):
    """An operator before its operand; `++` and `--` also behind it (`postfix`)."""

    operator: str
    operand: Node
    postfix: bool = False


@dataclass(slots=True)
class Binary(Node):
    """An operator between two operands, lower case, without its dash."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True)
class Member(Node):
    """target.name or [type]::name."""

    target: Node
    name: Node
    static: bool


@dataclass(slots=True)
class Call(Node):
    """target.name(arguments)."""

    target: Node
    name: Node
    arguments: list[Node]
    static: bool


@dataclass(slots=True)
class Index(Node):
    """target[index]."""

    target: Node
    index: Node


@dataclass(slots=True)
class Type(Node):
    """[name] as a value."""

    name: str


@dataclass(slots=True)
class Cast(Node):
    """[name] operand."""

    type: str
    operand: Node


# -- statements -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Argument(Node):
    """One element of a command: a value, or a parameter with or without one (-Name, -Name:value)."""

    parameter: str | None
    value: Node | None


@dataclass(slots=True)
class Redirection(Node):
    """N>&1 (merge into output) or N>$null (discard)."""

    stream: str
    merge: bool


@dataclass(slots=True)
class Command(Node):
    """A call of a cmdlet, function, program, or (with & or .) of a value."""

    name: Node
    arguments: list[Argument]
    operator: str = ""
    redirections: list[Redirection] = field(default_factory=list)


@dataclass(slots=True)
class Pipeline(Node):
    """Elements joined by |; an expression may stand first."""

    elements: list[Node]


@dataclass(slots=True)
class Assignment(Node):
    """target op value."""

    target: Node
    operator: str
    value: Node


@dataclass(slots=True)
class If(Node):
    """Clauses, and the else branch."""

    clauses: list[tuple[Node, list[Node]]]
    otherwise: list[Node] | None


@dataclass(slots=True)
class While(Node):
    """While and do loops."""

    condition: Node
    body: list[Node]
    after: bool = False
    """The condition is tested after the body."""
    until: bool = False


@dataclass(slots=True)
class For(Node):
    """for (first; condition; step)."""

    first: Node | None
    condition: Node | None
    step: Node | None
    body: list[Node]


@dataclass(slots=True)
class ForEach(Node):
    """foreach ($variable in source)."""

    variable: str
    source: Node
    body: list[Node]


@dataclass(slots=True)
class Switch(Node):
    """A switch with plain, -Wildcard or -Regex matching; `None` is the default clause."""

    value: Node
    mode: str
    clauses: list[tuple[Node | None, list[Node]]]


@dataclass(slots=True)
class Try(Node):
    """Try, its catches (type names; none: all) and finally."""

    body: list[Node]
    catches: list[tuple[list[str], list[Node]]]
    last: list[Node] | None


@dataclass(slots=True)
class Function(Node):
    """A definition."""

    name: str
    block: Block


@dataclass(slots=True)
class Flow(Node):
    """return, throw, exit, break, continue."""

    kind: str
    value: Node | None
