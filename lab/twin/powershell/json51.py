"""ConvertTo-Json and ConvertFrom-Json as Windows PowerShell 5.1 has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lab.twin.powershell.convert import float_text, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.numbers import literal
from lab.twin.powershell.values import Char, EnumValue, PSHash, PSObject, Switch, items_of

ESCAPED = re.compile("[<>&'\\u0085\\u2028\\u2029]")  # 5.1 writes these as \\u0027 and so on
DATE = re.compile(r"/Date\(-?\d+\)/")


def from_json(text: str) -> object:
    """Return objects of a JSON text. Raises PowerShellError for one that is none, NotSupportedByTwin for what only 5.1's parser takes."""
    try:
        return _checked(json.loads(text, object_pairs_hook=_object, parse_float=_no_decimal, parse_constant=_no_decimal, parse_int=_integer))
    except ValueError as error:
        if "'" in text or not text.strip():
            raise NotSupportedByTwin("ConvertFrom-Json of text with single quotes, or of none") from None
        raise failure(f"Invalid JSON primitive: {text.strip()[:20]}.", exception="System.ArgumentException",
                      identifier="System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand") from error


def _object(pairs: list[tuple[str, object]]) -> PSObject:
    names = [name.lower() for name, _ in pairs]
    if len(set(names)) != len(names) or "" in names:
        raise NotSupportedByTwin("JSON with empty names, or names that differ in case only")
    return PSObject([(name, _checked(value)) for name, value in pairs])


def _checked(value: object) -> object:
    if isinstance(value, str) and DATE.fullmatch(value):
        raise NotSupportedByTwin(f"the date {value} in JSON")
    return [_checked(item) for item in value] if isinstance(value, list) else value


def _integer(text: str) -> int:
    return literal(int(text))


def _no_decimal(text: str) -> object:
    raise NotSupportedByTwin(f"the number {text} in JSON, which is a Decimal")


def to_json(value: object, *, depth: int, compress: bool) -> str:
    """Return the JSON text of a value; what lies deeper than `depth` is written as text."""
    return "".join(_compact(_plain(value, depth)) if compress else _pretty(_plain(value, depth), 0))


def _scalar(value: object) -> str:
    if isinstance(value, float):
        text = float_text(value)
        return text if float(text) == value else repr(value).upper()
    text = json.dumps(value, ensure_ascii=False)
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) if isinstance(value, str) else text


def _compact(value: object) -> Iterator[str]:
    if not isinstance(value, (dict, list)):
        yield _scalar(value)
        return
    yield "{" if isinstance(value, dict) else "["
    for number, item in enumerate(value.items() if isinstance(value, dict) else value):
        yield "," if number else ""
        if isinstance(value, dict):
            yield _scalar(item[0]) + ":"
        yield from _compact(item[1] if isinstance(value, dict) else item)
    yield "}" if isinstance(value, dict) else "]"


def _pretty(value: object, column: int) -> Iterator[str]:
    """Yield the text as 5.1 indents it: by the column in which the bracket stands."""
    if not isinstance(value, (dict, list)):
        yield _scalar(value)
        return
    yield ("{" if isinstance(value, dict) else "[") + "\r\n"
    inner = column + 4
    for number, item in enumerate(value.items() if isinstance(value, dict) else value):
        yield ",\r\n" if number else ""
        yield " " * inner
        key = f"{_scalar(item[0])}:  " if isinstance(value, dict) else ""
        yield key
        yield from _pretty(item[1] if isinstance(value, dict) else item, inner + len(key))
    yield "\r\n" + " " * column + ("}" if isinstance(value, dict) else "]")


def _plain(value: object, depth: int) -> object:
    """Return a value as dicts, lists and scalars."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, EnumValue):
        return value.number
    if isinstance(value, (int, str, Char)):
        return int(value) if isinstance(value, int) else str(value)
    if isinstance(value, Switch):
        return {"IsPresent": value.present}
    if not isinstance(value, (list, bytes, PSHash, PSObject)):
        raise NotSupportedByTwin(f"ConvertTo-Json of a {type(value).__name__} (write its text or its properties)")
    if isinstance(value, PSObject) and value.text is not None:
        if value.type_name != "System.Guid":
            raise NotSupportedByTwin(f"ConvertTo-Json of {value.type_name} (select its properties)")
        return value.text
    if depth < 0:
        return to_text(value)
    if isinstance(value, (list, bytes)):
        return [_plain(item, depth - 1) for item in items_of(value)]
    if isinstance(value, PSHash):
        if not all(isinstance(key, str) for key, _ in value.items()):
            raise failure("The type 'System.Collections.Hashtable' is not supported for serialization or deserialization of a dictionary."
                          " Keys must be strings.", exception="System.InvalidOperationException",
                          identifier="NonStringKeyInDictionary,Microsoft.PowerShell.Commands.ConvertToJsonCommand")
        return {to_text(key): _plain(content, depth - 1) for key, content in value.items()}
    if value.type_name != "PSCustomObject":
        raise NotSupportedByTwin(f"ConvertTo-Json of {value.type_name}, of which the twin has a part (select the properties)")
    return {name: _plain(content() if callable(content) else content, depth - 1) for name, content in value.properties.items()}
