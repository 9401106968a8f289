"""Text for people: -f, and the default display of objects (approximated: tables and lists, no wrapping)."""

from __future__ import annotations

import re

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import ErrorRecord, NotSupportedByTwin, failure
from lab.twin.powershell.numbers import shape
from lab.twin.powershell.values import PSHash, PSObject, Version

PLACE = re.compile(r"\{\{|\}\}|\{(\d+)(?:,\s*(-?\d+))?(?::([^{}]*))?\}|([{}])")  # {0} {0,-8} {0:x4}
MOST_COLUMNS = 4


def dotnet_format(pattern: str, values: list[object]) -> str:
    """Return String.Format(pattern, values). Raises PowerShellError for a bad pattern, NotSupportedByTwin for an unknown format."""

    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[4]:
            raise failure("Error formatting a string: Input string was not in a correct format..", identifier="FormatError",
                          category="InvalidOperation", inner="System.FormatException")
        if int(found[1]) >= len(values):
            raise failure("Error formatting a string: Index (zero based) must be greater than or equal to zero and less than the"
                          " size of the argument list..", identifier="FormatError", category="InvalidOperation",
                          inner="System.FormatException")
        text = formatted(values[int(found[1])], found[3] or "")
        width = int(found[2] or 0)
        return text.rjust(width) if width >= 0 else text.ljust(-width)

    return PLACE.sub(one, pattern)


def formatted(value: object, form: str) -> str:
    """Return a value in a .NET format; text and truth have none and ignore it."""
    if isinstance(value, (list, bytes)):
        return "System.Byte[]" if isinstance(value, bytes) else "System.Object[]"
    if isinstance(value, DateTime):
        if not form:
            raise NotSupportedByTwin("a date in a format string without a format (write {0:yyyy-MM-dd HH:mm:ss})")
        return value.format(form)
    if not form or isinstance(value, (bool, str)) or value is None:
        return to_text(value)
    if not isinstance(value, (int, float)):
        raise NotSupportedByTwin(f"the format {form!r} of {type(value).__name__}")
    return _number(value, form)


def _number(value: int | float, form: str) -> str:
    found = re.fullmatch(r"([xXdDnNfF])(\d*)", form)
    if custom := re.fullmatch(r"(0+)(?:\.(0+))?", form):
        return _fixed(value, len(custom[2] or ""), least=len(custom[1]))
    if not found:
        raise NotSupportedByTwin(f"the format {form!r}")
    kind, digits = found[1], found[2]
    if kind in "nNfF":
        return _fixed(value, int(digits or 2), grouped=kind in "nN")
    if isinstance(value, float):
        raise failure("Error formatting a string: Format specifier was invalid..", identifier="FormatError", category="InvalidOperation",
                      inner="System.FormatException")
    if kind in "xX":
        return format(int(value) & ((1 << shape(value)[0]) - 1), f"0{digits or 1}{kind}")
    return ("-" if value < 0 else "") + format(abs(int(value)), f"0{digits or 1}d")


def _fixed(value: int | float, digits: int, *, grouped: bool = False, least: int = 1) -> str:
    """Return a number with so many digits behind the point, rounded half away from zero as .NET Framework does."""
    from decimal import ROUND_HALF_UP, Decimal  # noqa: PLC0415 - rarely needed

    exact = Decimal(int(value)) if isinstance(value, int) else Decimal(format(value, ".15g"))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    text = format(abs(rounded), f",.{digits}f" if grouped else f".{digits}f")
    whole, point, rest = text.partition(".")
    return ("-" if rounded < 0 else "") + whole.rjust(least, "0") + point + rest


def display(values: list[object]) -> str:
    """Return what powershell.exe prints for a pipeline's output."""
    blocks: list[str] = []
    table: list[PSObject] = []

    def end_table() -> None:
        if table:
            blocks.append(_table(table))
            table.clear()

    for value in values:
        if isinstance(value, PSObject) and value.text is None and value.properties:
            if table and _columns(table[0]) != _columns(value):
                end_table()
            table.append(value)
            continue
        end_table()
        if isinstance(value, PSHash):
            rows = [PSObject([("Name", key), ("Value", content)]) for key, content in value.items()]
            blocks.append(_table(rows) if rows else "")
        elif isinstance(value, list):
            blocks.append(display(value))
        elif isinstance(value, ErrorRecord):
            blocks.append("\r\n".join(value.lines()) + "\r\n")
        elif isinstance(value, (DateTime, Version)):
            raise NotSupportedByTwin(f"the display of a {type(value).__name__} (write it as text: [string]…)")
        elif value is not None:
            blocks.append(to_text(value) + "\r\n")
    end_table()
    return "".join(blocks)


def _columns(value: PSObject) -> tuple[str, ...]:
    return value.view or tuple(value.properties)


def _table(rows: list[PSObject]) -> str:
    columns = _columns(rows[0])
    if len(columns) > MOST_COLUMNS:
        return list_form(rows)
    cells = [[_cell(_value(row.get(column))) for column in columns] for row in rows]
    widths = [max(len(column), *(len(row[place]) for row in cells)) for place, column in enumerate(columns)]
    lines = ["", " ".join(column.ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip(),
             " ".join(("-" * len(column)).ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip()]
    lines += [" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\r\n".join([*lines, "", ""]) + "\r\n"


def list_form(rows: list[PSObject]) -> str:
    """Return objects as lists of properties."""
    lines = [""]
    for row in rows:
        width = max(len(name) for name in row.properties)
        lines += ["", *[f"{name.ljust(width)} : {_cell(_value(value))}" for name, value in row.properties.items()]]
    return "\r\n".join([*lines, "", ""]) + "\r\n"


def _value(content: object) -> object:
    return content() if callable(content) else content


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "{" + ", ".join(to_text(item) for item in value) + "}"
    return to_text(value)
