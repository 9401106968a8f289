"""Expressions: values of nodes, indexing, assignment.

`raw` tells what a command without output gives (`NOTHING`) from $null: they differ in a pipeline only. Everything else uses `evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.twin.powershell import members, numbers, tree
from lab.twin.powershell.convert import cast, to_bool, to_integer, to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.kinds import type_name
from lab.twin.powershell.operators import operate, plain_name, split_words
from lab.twin.powershell.patterns import compiled, matches_table
from lab.twin.powershell.registry import find_type
from lab.twin.powershell.runtime import Runtime
from lab.twin.powershell.values import (
    NOTHING,
    Char,
    NamedItems,
    PSHash,
    PSObject,
    ScriptBlock,
    TypedArray,
    TypeValue,
    collapse,
    each,
    items_of,
)


class Evaluator(Runtime):
    """Values of expressions."""

    def evaluate(self, node: tree.Node) -> object:
        """Return an expression's value. Raises PowerShellError, NotSupportedByTwin."""
        value = self.raw(node)
        return None if value is NOTHING else value

    def raw(self, node: tree.Node) -> object:
        """Return an expression's value; NOTHING for a command without output."""
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
        return self.raw_variable(node.name)

    def value_of_expandable(self, node: tree.Expandable) -> object:
        """The string with everything put in."""
        return "".join(part if isinstance(part, str) else to_text(self.evaluate(part)) for part in node.parts)

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
        return self.raw(node.inner)

    def value_of_assignment(self, node: tree.Assignment) -> object:
        """The value, for `$a = $b = 1` and `($a = 1)`."""
        return self.assign_to(node)

    def value_of_hash(self, node: tree.Hash) -> object:
        """A new hashtable."""
        table = PSHash()
        for key_node, value_node in node.entries:
            key = self.evaluate(key_node)
            if key is None or key in table:
                raise failure(f"Duplicate keys '{to_text(key)}' are not allowed in hash literals." if key is not None else
                              "A null key is not allowed in a hash literal.", identifier="DuplicateKeyInHashLiteral",
                              category="InvalidOperation")
            table[key] = self.evaluate(value_node)
        return table

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
        value = self.evaluate(node.operand)
        if node.operator in ("++", "--"):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise failure(f"The '{node.operator}' operator works only on numbers. The operand is a '{type_name(value)}'.",
                              identifier="OperatorRequiresNumber", category="InvalidOperation")
            before = to_number(value)
            after = numbers.add(before, 1) if node.operator == "++" else numbers.subtract(before, 1)
            self.store(node.operand, after)
            return before if node.postfix else after
        if node.operator in ("not", "!"):
            return not to_bool(value)
        if node.operator in ("-", "+"):
            return operate(node.operator, 0, value)
        if node.operator == "bnot":
            return numbers.invert(to_number(value))
        if node.operator == "join":
            return operate("join", value, "")
        return split_words(value)

    def value_of_binary(self, node: tree.Binary) -> object:
        """An operator between two operands; -and and -or look at the right one only if need be."""
        left = self.evaluate(node.left)
        if node.operator == "and":
            return to_bool(left) and to_bool(self.evaluate(node.right))
        if node.operator == "or":
            return to_bool(left) or to_bool(self.evaluate(node.right))
        right = self.evaluate(node.right)
        found = operate(node.operator, left, right)
        plain, case = plain_name(node.operator)
        if plain in ("match", "notmatch") and not isinstance(left, (list, bytes)) and found is (plain == "match"):
            self.remember_match(to_text(left), to_text(right), case=case)
        return found

    def remember_match(self, text: str, pattern: str, *, case: bool) -> None:
        """Set $Matches: -match does, and -notmatch as well."""
        found = compiled(pattern, case=case).search(text)
        assert found
        self.assign("Matches", matches_table(found))

    # -- members --------------------------------------------------------------------------------------------------------

    def value_of_member(self, node: tree.Member) -> object:
        """A property."""
        name = to_text(self.evaluate(node.name))
        target = self.evaluate(node.target)
        self.at = node.at
        if node.static:
            return members.static_property(target, name)
        return members.read_property(self, target, name)

    def value_of_call(self, node: tree.Call) -> object:
        """A method's result."""
        name = to_text(self.evaluate(node.name))
        target = self.evaluate(node.target)
        arguments = [self.evaluate(argument) for argument in node.arguments]
        self.at = node.at
        if not node.static:
            return members.call(self, target, name, arguments)
        if not isinstance(target, TypeValue):
            raise NotSupportedByTwin(f"::{name} of a value")
        return self.call_static(target, name, arguments)

    def call_static(self, target: TypeValue, name: str, arguments: list[object]) -> object:
        """Call a static method or a constructor. Raises NotSupportedByTwin."""
        known = find_type(target.name)
        method = known.construct if name.lower() == "new" else known.methods.get(name.lower())
        if method is None:
            raise NotSupportedByTwin(f"[{target.name}]::{name}")
        try:
            result = method(self, *arguments)
        except (TypeError, ValueError, KeyError, IndexError) as error:  # it does not take these arguments
            raise NotSupportedByTwin(f"[{target.name}]::{name} with these arguments ({error})") from error
        return NOTHING if result is None else result

    def value_of_index(self, node: tree.Index) -> object:
        """One item, or several: those that do not exist are left out."""
        target, index = self.evaluate(node.target), self.evaluate(node.index)
        self.at = node.at
        if not isinstance(index, list):
            return self.item(target, index)
        if isinstance(target, PSHash):
            return [self.item(target, one) for one in index]
        count = len(target) if isinstance(target, (list, str, bytes)) else 0
        return [self.item(target, one) for one in index if self.strict or -count <= to_integer("int", one) < count]

    def item(self, target: object, index: object) -> object:
        """Return one item; None outside of an array, unless StrictMode makes that an error."""
        if target is None:
            raise failure("Cannot index into a null array.", identifier="NullArray", category="InvalidOperation")
        if isinstance(target, PSHash):
            return self._entry(target, index)
        if isinstance(target, NamedItems) and isinstance(index, str):
            named = (one for one in target if isinstance(one, PSObject) and to_text(one.get("Name")).lower() == index.lower())
            return next(named, None)
        if isinstance(target, (list, str, bytes)):
            position = to_integer("int", index)
            if -len(target) <= position < len(target):
                return Char(target[position]) if isinstance(target, str) else items_of(target)[position]
            if self.strict or isinstance(target, str):
                raise _out_of_bounds()
            return None
        raise NotSupportedByTwin(f"an index into {type_name(target)} (for a property write a dot)")

    @staticmethod
    def _entry(target: PSHash, index: object) -> object:
        if index is None:
            raise failure("Index operation failed; the array index evaluated to null.", identifier="NullArrayIndex",
                          category="InvalidOperation")
        if not target.ordered or not isinstance(index, int):
            return target.get(index)
        if index in target or not 0 <= index < len(target):
            raise NotSupportedByTwin("a number as index of an [ordered] table with such a key, or out of its range")
        return target.items()[index][1]

    # -- assignment -----------------------------------------------------------------------------------------------------

    def assign_to(self, node: tree.Assignment) -> object:
        """Carry out an assignment; return the value."""
        value = self.raw(node.value)
        if node.operator != "=":
            value = operate(node.operator[0], self.evaluate(node.target), None if value is NOTHING else value)
        self.store(node.target, value)
        return value

    def store(self, target: tree.Node, value: object) -> None:
        """Put a value into a variable, property or element."""
        if isinstance(target, tree.Variable):
            self.assign(target.name, value)
            return
        value = None if value is NOTHING else value
        if isinstance(target, tree.Cast):
            if not isinstance(target.operand, tree.Variable):
                raise NotSupportedByTwin("an assignment to a cast of something else than one variable")
            self.assign(target.operand.name, value, declared=target.type)
        elif isinstance(target, tree.Member) and not target.static:
            members.write_property(self.evaluate(target.target), to_text(self.evaluate(target.name)), value)
        elif isinstance(target, tree.Index):
            self._store_item(self.evaluate(target.target), self.evaluate(target.index), value)
        elif isinstance(target, tree.Array):
            values = list(each(value))
            for position, one in enumerate(target.items):
                rest = values[position:] if position == len(target.items) - 1 else values[position : position + 1]
                made = collapse(rest)
                self.store(one, None if made is NOTHING else made)
        else:
            raise NotSupportedByTwin(f"an assignment to {type(target).__name__}")

    @staticmethod
    def _store_item(container: object, index: object, value: object) -> None:
        if isinstance(container, PSHash):
            if index is None or (container.ordered and isinstance(index, int)):
                raise NotSupportedByTwin("an assignment to a numbered entry of an [ordered] table, or to the key $null")
            container[index] = value
        elif isinstance(container, list):
            position = to_integer("int", index)
            if not -len(container) <= position < len(container):
                raise _out_of_bounds()
            container[position] = cast(container.kind, value) if isinstance(container, TypedArray) else value
        elif container is None:
            raise failure("Cannot index into a null array.", identifier="NullArray", category="InvalidOperation")
        else:
            raise NotSupportedByTwin(f"an assignment into {type_name(container)}")


def _out_of_bounds() -> Exception:
    return failure("Index was outside the bounds of the array.", exception="System.IndexOutOfRangeException",
                   identifier="System.IndexOutOfRangeException", category="OperationStopped")
