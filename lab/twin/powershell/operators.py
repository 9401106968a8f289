"""Binary operators on values."""

from __future__ import annotations

from collections.abc import Callable

from lab.twin.powershell import numbers
from lab.twin.powershell.compare import equal, like, ordering
from lab.twin.powershell.convert import cast, to_bool, to_integer, to_number, to_text
from lab.twin.powershell.dates import DateTime, TimeSpan
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, failure
from lab.twin.powershell.formatting import dotnet_format
from lab.twin.powershell.kinds import is_of_type, type_name
from lab.twin.powershell.patterns import compiled, substitute
from lab.twin.powershell.values import Char, PSHash, ScriptBlock, TypedArray, TypeValue, items_of

NAMES = {"+": "op_Addition", "-": "op_Subtraction", "*": "op_Multiply", "/": "op_Division", "%": "op_Modulus"}


def operate(operator: str, left: object, right: object) -> object:
    """Return what an operator makes of two values; `-match` on one text does not set $Matches here."""
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right)
    if operator in BITWISE:
        return BITWISE[operator](to_number(left), to_number(right))
    if operator == "f":
        return dotnet_format(to_text(left), list(items_of(right)) if isinstance(right, (list, bytes)) else [right])
    if operator == "..":
        first, last = to_integer("int", left), to_integer("int", right)
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))
    if operator == "xor":
        return to_bool(left) != to_bool(right)
    plain, case = plain_name(operator)
    if plain in WHOLE:
        return WHOLE[plain](left, right, case)
    if plain in COMPARISONS:
        test = COMPARISONS[plain]
        if isinstance(left, (list, bytes)):
            return [item for item in items_of(left) if test(item, right, case)]
        return test(left, right, case)
    raise NotSupportedByTwin(f"the operator -{operator}")


def plain_name(operator: str) -> tuple[str, bool]:
    """Return an operator without its prefix c or i, and whether it minds the case."""
    if operator in WHOLE or operator in COMPARISONS or operator[:1] not in ("c", "i"):
        return operator, False
    return operator[1:], operator[0] == "c"


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _operands(operator: str, left: object, right: object) -> tuple[numbers.Number, numbers.Number]:
    if isinstance(left, Char) or isinstance(right, Char):
        raise NotSupportedByTwin("arithmetic with a [char] (cast it to [int] or [string])")
    if left is None and operator != "+":
        raise NotSupportedByTwin(f"$null {operator} …")
    for value in (left, right):
        if value is not None and not isinstance(value, (str, int, float, bool)) and not hasattr(value, "present"):
            raise failure(f"Method invocation failed because [{type_name(left)}] does not contain a method named '{NAMES[operator]}'.",
                          identifier="MethodNotFound", category="InvalidOperation")
    return to_number(left), to_number(right)


def _add(left: object, right: object) -> object:
    if isinstance(left, str) and (isinstance(right, str) or not isinstance(left, Char)):
        return to_text(left) + to_text(right)
    if isinstance(left, (list, bytes)):
        return [*items_of(left), *(items_of(right) if isinstance(right, (list, bytes)) else [right])]
    if isinstance(left, PSHash) and isinstance(right, PSHash):
        for key, _ in right.items():
            if key in left:
                raise failure(f"Item has already been added. Key in dictionary: '{to_text(key)}'  Key being added: '{to_text(key)}'",
                              exception="System.ArgumentException", identifier="System.ArgumentException")
        return PSHash([*left.items(), *right.items()], ordered=left.ordered)
    if left is None:
        return right
    if isinstance(left, DateTime) and isinstance(right, TimeSpan):
        return left.plus(right)
    return numbers.add(*_operands("+", left, right))


def _subtract(left: object, right: object) -> object:
    if isinstance(left, DateTime):
        return left.minus(right)
    return numbers.subtract(*_operands("-", left, right))


def _multiply(left: object, right: object) -> object:
    if isinstance(left, (str, list)) and not isinstance(left, Char):
        count = to_integer("int", right)
        if count < 0:
            raise failure("Specified argument was out of the range of valid values.", exception="System.ArgumentOutOfRangeException",
                          identifier="System.ArgumentOutOfRangeException")
        return left * count if isinstance(left, str) else list(left) * count
    return numbers.multiply(*_operands("*", left, right))


ARITHMETIC: dict[str, Callable[[object, object], object]] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": lambda left, right: numbers.divide(*_operands("/", left, right)),
    "%": lambda left, right: numbers.remainder(*_operands("%", left, right))}
BITWISE: dict[str, Callable[[numbers.Number, numbers.Number], numbers.Number]] = {
    "band": numbers.bitwise(lambda left, right: left & right), "bor": numbers.bitwise(lambda left, right: left | right),
    "bxor": numbers.bitwise(lambda left, right: left ^ right), "shl": numbers.shift(lambda left, right: left << right),
    "shr": numbers.shift(lambda left, right: left >> right)}


# -- comparisons, item by item ------------------------------------------------------------------------------------------


def _matches(text: object, pattern: object, case: bool) -> bool:
    return compiled(to_text(pattern), case=case).search(to_text(text)) is not None


COMPARISONS: dict[str, Callable[[object, object, bool], bool]] = {
    "eq": lambda left, right, case: equal(left, right, case=case), "ne": lambda left, right, case: not equal(left, right, case=case),
    "gt": lambda left, right, case: ordering(left, right, case=case) > 0,
    "ge": lambda left, right, case: ordering(left, right, case=case) >= 0,
    "lt": lambda left, right, case: ordering(left, right, case=case) < 0,
    "le": lambda left, right, case: ordering(left, right, case=case) <= 0,
    "like": lambda left, right, case: like(to_text(left), to_text(right), case=case),
    "notlike": lambda left, right, case: not like(to_text(left), to_text(right), case=case),
    "match": _matches, "notmatch": lambda left, right, case: not _matches(left, right, case),
}


# -- operators that take a collection as a whole, or a pair of values on the right ----------------------------------------


def contains(many: object, one: object, case: bool) -> bool:
    """Whether -contains holds."""
    if many is None:
        raise NotSupportedByTwin("-contains or -in of $null (write @(…) around the collection)")
    items = items_of(many) if isinstance(many, (list, bytes)) else [many]
    return any(equal(item, one, case=case) for item in items)


def _as(left: object, right: object, _case: bool) -> object:
    try:
        return cast(right.name if isinstance(right, TypeValue) else to_text(right), left)
    except PowerShellError:
        return None


def _join(left: object, right: object, _case: bool) -> str:
    items = items_of(left) if isinstance(left, (list, bytes)) else [left]
    return to_text(right).join(to_text(item) for item in items)


def _split(left: object, right: object, case: bool) -> object:
    pair = right if isinstance(right, list) else [right]
    if left is None or len(pair) > 2 or isinstance(pair[0], ScriptBlock):
        raise NotSupportedByTwin("-split of $null, with options or with a script block")
    most = to_integer("int", pair[1]) if len(pair) > 1 else 0
    if most < 0:
        raise NotSupportedByTwin("-split with a negative number of parts")
    expression = compiled(to_text(pair[0]), case=case)
    parts: list[object] = []
    for item in left if isinstance(left, list) else [left]:
        text = to_text(item)
        parts += [text] if most == 1 else [part for part in expression.split(text, maxsplit=max(most - 1, 0)) if part is not None]
    return TypedArray("string", parts)


def split_words(value: object) -> object:
    """Return the unary -split: words between white space."""
    return TypedArray("string", [part for item in (value if isinstance(value, list) else [value]) for part in to_text(item).split()])


def _replace(left: object, right: object, case: bool) -> object:
    pair = right if isinstance(right, list) else [right]
    if len(pair) > 2 or any(isinstance(one, ScriptBlock) for one in pair):
        raise NotSupportedByTwin("-replace with a script block or more than two values (write [regex]::Replace)")
    replaced = [substitute(to_text(pair[0]), to_text(pair[1]) if len(pair) > 1 else "", to_text(item), case=case)
                for item in (left if isinstance(left, list) else [left])]
    return replaced if isinstance(left, list) else replaced[0]


WHOLE: dict[str, Callable[[object, object, bool], object]] = {
    "contains": contains, "notcontains": lambda left, right, case: not contains(left, right, case),
    "in": lambda left, right, case: contains(right, left, case), "notin": lambda left, right, case: not contains(right, left, case),
    "is": lambda left, right, _: is_of_type(left, right), "isnot": lambda left, right, _: not is_of_type(left, right),
    "as": _as, "join": _join, "split": _split, "replace": _replace}
