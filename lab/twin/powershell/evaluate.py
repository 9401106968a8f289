"""Expressions: values of nodes, operators, indexing, assignment."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.twin.powershell import members, tree
from lab.twin.powershell.convert import cast, dotnet_pattern, equal, like, ordering, to_bool, to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.formatting import dotnet_format
from lab.twin.powershell.registry import find_type
from lab.twin.powershell.runtime import Runtime
from lab.twin.powershell.values import PSHash, PSObject, ScriptBlock, TypeValue, collapse, each


class Evaluator(Runtime):
    """Values of expressions."""

    def evaluate(self, node: tree.Node) -> object:
        """Return an expression's value. Raises PowerShellError, NotSupportedByTwin."""
        self.at = node.at
        read: Callable[[tree.Node], object] | None = getattr(self, f"value_of_{type(node).__name__.lower()}", None)
        if read is None:
            return collapse(self.run([node]))
        return read(node)

    def value_of_literal(self, node: tree.Literal) -> object:
        """Itself."""
        return node.value

    def value_of_variable(self, node: tree.Variable) -> object:
        """What it holds."""
        return self.variable(node.name)

    def value_of_expandable(self, node: tree.Expandable) -> object:
        """The string with everything put in."""
        return "".join(part if isinstance(part, str) else self._in_string(self.evaluate(part)) for part in node.parts)

    @staticmethod
    def _in_string(value: object) -> str:
        return to_text(value)

    def value_of_array(self, node: tree.Array) -> object:
        """A list of the items."""
        return [self.evaluate(item) for item in node.items]

    def value_of_arrayexpression(self, node: tree.ArrayExpression) -> object:
        """The output, always as an array."""
        return self.run(node.body)

    def value_of_subexpression(self, node: tree.SubExpression) -> object:
        """The output."""
        return collapse(self.run(node.body))

    def value_of_parenthesis(self, node: tree.Parenthesis) -> object:
        """What is inside; an assignment passes its value on."""
        if isinstance(node.inner, tree.Assignment):
            return self.assign_to(node.inner)
        return self.evaluate(node.inner)

    def value_of_hash(self, node: tree.Hash) -> object:
        """A new hashtable."""
        return PSHash([(self.evaluate(key), self.evaluate(value)) for key, value in node.entries])

    def value_of_block(self, node: tree.Block) -> object:
        """The block itself."""
        return ScriptBlock(node, node.source)

    def value_of_type(self, node: tree.Type) -> object:
        """The type itself."""
        return TypeValue(node.name)

    def value_of_cast(self, node: tree.Cast) -> object:
        """The operand as the type."""
        if node.type.lower() in ("ordered", "pscustomobject") and isinstance(node.operand, tree.Hash):
            value = self.value_of_hash(node.operand)
            assert isinstance(value, PSHash)
            value.ordered = True
            return cast(node.type, value)
        value = self.evaluate(node.operand)
        if node.type.lower() == "scriptblock" and isinstance(value, str):
            return self.new_block(value)
        return cast(node.type, value)

    def new_block(self, source: str) -> ScriptBlock:
        """Return [ScriptBlock]::Create(source)."""
        from lab.twin.powershell.parser import parse  # noqa: PLC0415 - only scripts that make scripts need it

        return ScriptBlock(parse(source), source)

    # -- operators ------------------------------------------------------------------------------------------------------

    def value_of_unary(self, node: tree.Unary) -> object:
        """An operator and its operand."""
        if node.operator in ("++", "--"):
            before = to_number(self.evaluate(node.operand))
            after = before + (1 if node.operator == "++" else -1)
            self.store(node.operand, after)
            return before if node.postfix else after
        value = self.evaluate(node.operand)
        if node.operator in ("not", "!"):
            return not to_bool(value)
        if node.operator == "-":
            return -to_number(value)
        if node.operator == "+":
            return to_number(value)
        if node.operator == "bnot":
            return ~int(to_number(value))
        if node.operator == "join":
            return "".join(to_text(item) for item in each(value))
        return to_text(value).split()

    def value_of_binary(self, node: tree.Binary) -> object:
        """An operator between two operands; -and and -or look at the right one only if need be."""
        left = self.evaluate(node.left)
        if node.operator == "and":
            return to_bool(left) and to_bool(self.evaluate(node.right))
        if node.operator == "or":
            return to_bool(left) or to_bool(self.evaluate(node.right))
        return self.operate(node.operator, left, self.evaluate(node.right))

    def operate(self, operator: str, left: object, right: object) -> object:
        """Return what an operator makes of two values."""
        if operator in ARITHMETIC:
            return ARITHMETIC[operator](left, right)
        if operator == "f":
            return dotnet_format(to_text(left), right if isinstance(right, list) else [right])
        if operator == "..":
            first, last = int(to_number(left)), int(to_number(right))
            return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))
        case = operator.startswith("c") and operator not in ("contains",)
        plain = operator[1:] if operator[:1] in "ci" and operator[1:] in COMPARISONS else operator
        if plain in WHOLE:
            return self.whole(plain, left, right, case=case)
        if plain in COMPARISONS:
            test = COMPARISONS[plain]
            if isinstance(left, list):
                return [item for item in left if test(item, right, case)]
            found = test(left, right, case)
            if plain == "match" and found:
                self.remember_match(to_text(left), to_text(right), case=case)
            return found
        raise NotSupportedByTwin(f"the operator -{operator}")

    def remember_match(self, text: str, pattern: str, *, case: bool) -> None:
        """Set $Matches."""
        found = re.search(dotnet_pattern(pattern), text, 0 if case else re.I)
        assert found
        entries: list[tuple[object, object]] = [(0, found[0])]
        entries += [(number, value) for number, value in enumerate(found.groups(), 1) if value is not None]
        entries += [(name, value) for name, value in found.groupdict().items() if value is not None]
        self.assign("Matches", PSHash(entries))

    def whole(self, operator: str, left: object, right: object, *, case: bool) -> object:
        """Operators that take a collection as a whole, or that take a pair of values on the right."""
        flags = 0 if case else re.I
        if operator in ("contains", "notcontains", "in", "notin"):
            many, one = (left, right) if "contains" in operator else (right, left)
            return any(equal(item, one, case=case) for item in each(many)) != operator.startswith("not")
        if operator in ("is", "isnot"):
            return members.is_of_type(left, right) != (operator == "isnot")
        if operator == "as":
            return cast(right.name if isinstance(right, TypeValue) else to_text(right), left)
        if operator == "xor":
            return to_bool(left) != to_bool(right)
        if operator == "join":
            return to_text(right).join(to_text(item) for item in each(left))
        pair = right if isinstance(right, list) else [right]
        if operator == "split":
            return [part for item in each(left) for part in re.split(dotnet_pattern(to_text(pair[0])), to_text(item), flags=flags)]
        replacement = re.sub(r"\$(\d+)|\$\{(\w+)\}", r"\\g<\1\2>", to_text(pair[1]).replace("\\", "\\\\")) if len(pair) > 1 else ""
        replaced = [re.sub(dotnet_pattern(to_text(pair[0])), replacement, to_text(item), flags=flags) for item in each(left)]
        return replaced if isinstance(left, list) else "".join(replaced)

    # -- members --------------------------------------------------------------------------------------------------------

    def value_of_member(self, node: tree.Member) -> object:
        """A property."""
        name = to_text(self.evaluate(node.name))
        target = self.evaluate(node.target)
        if node.static:
            return members.static_property(target, name)
        return members.read_property(self, target, name)

    def value_of_call(self, node: tree.Call) -> object:
        """A method's result."""
        name = to_text(self.evaluate(node.name))
        target = self.evaluate(node.target)
        arguments = [self.evaluate(argument) for argument in node.arguments]
        self.at = node.at
        if node.static:
            assert isinstance(target, TypeValue)
            return self.call_static(target, name, arguments)
        return members.call(self, target, name, arguments)

    def call_static(self, target: TypeValue, name: str, arguments: list[object]) -> object:
        """Call a static method or a constructor. Raises NotSupportedByTwin."""
        known = find_type(target.name)
        if name.lower() == "new":
            if known.construct is None:
                raise NotSupportedByTwin(f"a constructor of [{target.name}]")
            return known.construct(self, *arguments)
        method = known.methods.get(name.lower())
        if method is None:
            raise NotSupportedByTwin(f"[{target.name}]::{name}")
        return method(self, *arguments)

    def value_of_index(self, node: tree.Index) -> object:
        """One item, or several."""
        target, index = self.evaluate(node.target), self.evaluate(node.index)
        if isinstance(index, list):
            return [self.item(target, one) for one in index]
        return self.item(target, index)

    def item(self, target: object, index: object) -> object:
        """Return one item; None outside of an array."""
        if isinstance(target, PSHash):
            if target.ordered and isinstance(index, int) and index not in target:
                return target.items()[index][1]
            return target.get(index)
        if target is None:
            raise failure("Cannot index into a null array.", identifier="NullArray", category="InvalidOperation")
        if isinstance(target, (list, str, bytes)):
            try:
                return target[int(to_number(index))]
            except IndexError:
                return None
        if isinstance(target, PSObject) and isinstance(index, str):
            return target.get(index)
        raise NotSupportedByTwin(f"an index into {members.type_name(target)}")

    # -- assignment -----------------------------------------------------------------------------------------------------

    def assign_to(self, node: tree.Assignment) -> object:
        """Carry out an assignment; return the value."""
        value = self.evaluate(node.value)
        if node.operator != "=":
            value = self.operate(node.operator[0], self.evaluate(node.target), value)
        self.store(node.target, value)
        return value

    def store(self, target: tree.Node, value: object) -> None:
        """Put a value into a variable, property or element."""
        if isinstance(target, tree.Variable):
            self.assign(target.name, value)
        elif isinstance(target, tree.Cast):
            self.store(target.operand, cast(target.type, value))
        elif isinstance(target, tree.Member) and not target.static:
            members.write_property(self.evaluate(target.target), to_text(self.evaluate(target.name)), value)
        elif isinstance(target, tree.Index):
            container, index = self.evaluate(target.target), self.evaluate(target.index)
            if isinstance(container, PSHash):
                container[index] = value
            elif isinstance(container, list):
                container[int(to_number(index))] = value
            else:
                raise NotSupportedByTwin(f"an assignment into {members.type_name(container)}")
        elif isinstance(target, tree.Array):
            values = value if isinstance(value, list) else [value]
            for position, one in enumerate(target.items):
                rest = values[position:] if position == len(target.items) - 1 else values[position : position + 1]
                self.store(one, collapse(list(rest)))
        else:
            raise NotSupportedByTwin(f"an assignment to {type(target).__name__}")


def _add(left: object, right: object) -> object:
    if isinstance(left, str):
        return left + to_text(right)
    if isinstance(left, list):
        return left + (right if isinstance(right, list) else [right])
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left + right
    if isinstance(left, PSHash) and isinstance(right, PSHash):
        return PSHash([*left.items(), *right.items()], ordered=left.ordered)
    if left is None:
        return right
    return to_number(left) + to_number(right)


def _multiply(left: object, right: object) -> object:
    if isinstance(left, str):
        return left * int(to_number(right))
    if isinstance(left, list):
        return left * int(to_number(right))
    return to_number(left) * to_number(right)


def _divide(left: object, right: object) -> object:
    divisor = to_number(right)
    if divisor == 0:
        raise failure("Attempted to divide by zero.", exception="System.DivideByZeroException", identifier="RuntimeException")
    result = to_number(left) / divisor
    return int(result) if result == int(result) else result


ARITHMETIC: dict[str, Callable[[object, object], object]] = {
    "+": _add, "-": lambda left, right: to_number(left) - to_number(right), "*": _multiply, "/": _divide,
    "%": lambda left, right: to_number(left) % to_number(right),
    "band": lambda left, right: int(to_number(left)) & int(to_number(right)),
    "bor": lambda left, right: int(to_number(left)) | int(to_number(right)),
    "bxor": lambda left, right: int(to_number(left)) ^ int(to_number(right)),
    "shl": lambda left, right: int(to_number(left)) << int(to_number(right)),
    "shr": lambda left, right: int(to_number(left)) >> int(to_number(right)),
}


def _matches(text: object, pattern: object, case: bool) -> bool:
    return re.search(dotnet_pattern(to_text(pattern)), to_text(text), 0 if case else re.I) is not None


COMPARISONS: dict[str, Callable[[object, object, bool], bool]] = {
    "eq": lambda left, right, case: left is right or equal(left, right, case=case),
    "ne": lambda left, right, case: not (left is right or equal(left, right, case=case)),
    "gt": lambda left, right, _: ordering(left, right) > 0, "ge": lambda left, right, _: ordering(left, right) >= 0,
    "lt": lambda left, right, _: ordering(left, right) < 0, "le": lambda left, right, _: ordering(left, right) <= 0,
    "like": lambda left, right, _: like(to_text(left), to_text(right)),
    "notlike": lambda left, right, _: not like(to_text(left), to_text(right)),
    "match": _matches, "notmatch": lambda left, right, case: not _matches(left, right, case),
}
WHOLE = frozenset({"contains", "notcontains", "in", "notin", "is", "isnot", "as", "xor", "join", "split", "replace"})
