"""Numbers: .NET's integer types, and the arithmetic that PowerShell does with them.

An Int32 is Python's int, a Double Python's float; the other integers are subclasses of int. As in PowerShell, a result that does not
fit its type becomes a Double, a quotient of integers that is not whole too. Decimal and Single are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lab.twin.powershell.errors import NotSupportedByTwin, failure


class Sized(int):
    """An integer of a .NET type other than Int32."""

    full_name = ""


class Int64(Sized):
    """[long]."""

    full_name = "System.Int64"


class UInt32(Sized):
    """[uint32]."""

    full_name = "System.UInt32"


class UInt64(Sized):
    """[uint64]."""

    full_name = "System.UInt64"


class Int16(Sized):
    """[int16]."""

    full_name = "System.Int16"


class UInt16(Sized):
    """[uint16]."""

    full_name = "System.UInt16"


class Byte(Sized):
    """[byte]."""

    full_name = "System.Byte"


class SByte(Sized):
    """[sbyte]."""

    full_name = "System.SByte"


Number = int | float
KINDS: dict[str, tuple[type[int], int, bool]] = {
    "int": (int, 32, True), "int32": (int, 32, True), "long": (Int64, 64, True), "int64": (Int64, 64, True), "uint32": (UInt32, 32, False),
    "uint64": (UInt64, 64, False), "byte": (Byte, 8, False), "sbyte": (SByte, 8, True), "int16": (Int16, 16, True),
    "uint16": (UInt16, 16, False)}
"""Name -> type, bits, signed."""
SHAPES = {kind: (bits, signed) for kind, bits, signed in KINDS.values()}


def shape(value: int) -> tuple[int, bool]:
    """Return bits and signedness of an integer's type."""
    return SHAPES[type(value)]


def limits(kind: type[int]) -> tuple[int, int]:
    """Return the least and the greatest value of a type."""
    bits, signed = SHAPES[kind]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def fits(kind: type[int], value: int) -> bool:
    """Whether a type holds a value."""
    least, greatest = limits(kind)
    return least <= value <= greatest


def literal(value: int) -> int:
    """Return a whole number without a type of its own: Int32 if it fits, else Int64. Raises NotSupportedByTwin beyond."""
    if fits(int, value):
        return int(value)
    if fits(Int64, value):
        return Int64(value)
    raise NotSupportedByTwin(f"the number {value}, which is a Decimal")


def common_kind(left: int, right: int) -> type[int]:
    """Return the type in which two integers are calculated with."""
    kinds = {type(left), type(right)}
    if UInt64 in kinds:
        if kinds == {UInt64}:
            return UInt64
        raise NotSupportedByTwin("[uint64] together with another type of number (cast both to one type)")
    if Int64 in kinds:
        return Int64
    if UInt32 in kinds:
        return UInt32 if not any(SHAPES[kind][1] for kind in kinds) else Int64
    return int


def fitted(kind: type[int], value: int) -> Number:
    """Return a result in its type; as a Double if it does not fit."""
    return kind(value) if fits(kind, value) else float(value)


def wrapped(kind: type[int], value: int) -> int:
    """Return a result cut to its type's bits."""
    bits, signed = SHAPES[kind]
    value &= (1 << bits) - 1
    return kind(value - (1 << bits) if signed and value >> (bits - 1) else value)


def _whole(operation: Callable[[int, int], int], floats: Callable[[float, float], float]) -> Callable[[Number, Number], Number]:
    def calculate(left: Number, right: Number) -> Number:
        if isinstance(left, float) or isinstance(right, float):
            return floats(float(left), float(right))
        return fitted(common_kind(left, right), operation(left, right))

    return calculate


def _zero() -> Exception:
    return failure("Attempted to divide by zero.", identifier="RuntimeException", inner="System.DivideByZeroException")


def divide(left: Number, right: Number) -> Number:
    """Divide: whole if it comes out even."""
    if isinstance(left, float) or isinstance(right, float):
        if right == 0:
            return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)
        return float(left) / float(right)
    if right == 0:
        raise _zero()
    kind = common_kind(left, right)
    return fitted(kind, int(left) // int(right)) if int(left) % int(right) == 0 else int(left) / int(right)


def remainder(left: Number, right: Number) -> Number:
    """Return what is left over: it has the dividend's sign, unlike Python's."""
    if isinstance(left, float) or isinstance(right, float):
        return math.nan if right == 0 else math.fmod(left, right)
    if right == 0:
        raise _zero()
    magnitude = abs(int(left)) % abs(int(right))
    return common_kind(left, right)(-magnitude if left < 0 else magnitude)


def negate(value: Number) -> Number:
    """Return -value."""
    return subtract(0, value)


add = _whole(lambda left, right: int(left) + int(right), lambda left, right: left + right)
subtract = _whole(lambda left, right: int(left) - int(right), lambda left, right: left - right)
multiply = _whole(lambda left, right: int(left) * int(right), lambda left, right: left * right)


def bits_of(value: Number) -> int:
    """Return the operand of a bitwise operator. Raises NotSupportedByTwin for a Double."""
    if isinstance(value, float):
        raise NotSupportedByTwin("a bitwise operator on a [double] (cast it to [int] or [long])")
    return value


def bitwise(operation: Callable[[int, int], int]) -> Callable[[Number, Number], Number]:
    """Return -band, -bor, -bxor."""

    def calculate(left: Number, right: Number) -> Number:
        one, other = bits_of(left), bits_of(right)
        return wrapped(common_kind(one, other), operation(int(one), int(other)))

    return calculate


def shift(operation: Callable[[int, int], int]) -> Callable[[Number, Number], Number]:
    """Return -shl, -shr: the count is taken modulo the type's bits, the result is cut to them."""

    def calculate(left: Number, right: Number) -> Number:
        value = bits_of(left)
        kind = type(value) if SHAPES[type(value)][0] >= 32 else int
        return wrapped(kind, operation(int(value), int(bits_of(right)) & (SHAPES[kind][0] - 1)))

    return calculate


def invert(value: Number) -> int:
    """Return -bnot."""
    number = bits_of(value)
    return wrapped(type(number) if SHAPES[type(number)][0] >= 32 else int, ~int(number))
