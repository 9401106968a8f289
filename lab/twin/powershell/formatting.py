"""Text for people: -f, and the default display of objects (approximated: tables and lists, no wrapping)."""

from __future__ import annotations

import re

from lab.twin.powershell.convert import to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.values import PSHash, PSObject

PLACE = re.compile(r"\{\{|\}\}|\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}")  # {0} {0,-8} {0:x4}
MOST_COLUMNS = 4


def dotnet_format(pattern: str, values: list[object]) -> str:
    """Return String.Format(pattern, values)."""

    def one(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if int(found[1]) >= len(values):
            raise failure("Error formatting a string: Index (zero based) must be greater than or equal to zero and less than the"
                          " size of the argument list..", identifier="FormatError", category="InvalidOperation")
        text = _formatted(values[int(found[1])], found[3] or "")
        width = int(found[2] or 0)
        return text.rjust(width) if width >= 0 else text.ljust(-width)

    return PLACE.sub(one, pattern)


def _formatted(value: object, form: str) -> str:
    if not form:
        return to_text(value)
    kind, digits = form[0], int(form[1:] or 0) if form[1:].isdigit() or not form[1:] else -1
    if digits >= 0 and kind in "xX":
        return format(int(to_number(value)) & 0xFFFFFFFFFFFFFFFF, f"0{digits}{kind}")
    if digits >= 0 and kind in "dD":
        return format(int(to_number(value)), f"0{digits}d")
    if digits >= 0 and kind in "nNfF":
        return format(float(to_number(value)), f",.{digits or 2}f" if kind in "nN" else f".{digits or 2}f")
    raise NotSupportedByTwin(f"the format {form!r}")


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
        else:
            blocks.append(to_text(value) + "\r\n")
    end_table()
    return "".join(blocks)


def _columns(value: PSObject) -> tuple[str, ...]:
    return value.view or tuple(value.properties)


def _table(rows: list[PSObject]) -> str:
    columns = _columns(rows[0])
    if len(columns) > MOST_COLUMNS:
        return list_form(rows)
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
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
        lines += ["", *[f"{name.ljust(width)} : {_cell(value)}" for name, value in row.properties.items()]]
    return "\r\n".join([*lines, "", ""]) + "\r\n"


def _cell(value: object) -> str:
    if isinstance(value, list):
        return "{" + ", ".join(to_text(item) for item in value) + "}"
    return to_text(value)
