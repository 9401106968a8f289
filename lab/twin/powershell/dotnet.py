"""The .NET types that scripts use without touching Windows: Convert, Encoding, Regex, Math, Guid, String, ScriptBlock."""

from __future__ import annotations

import base64
import binascii
import math
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.twin.powershell.convert import FULL_NAMES, cast, to_integer, to_number, to_text
from lab.twin.powershell.errors import NotSupportedByTwin, method_failure
from lab.twin.powershell.formatting import dotnet_format
from lab.twin.powershell.numbers import KINDS, Number, common_kind, limits, literal, negate, shape, wrapped
from lab.twin.powershell.patterns import compiled, substitute
from lab.twin.powershell.registry import dotnet_type
from lab.twin.powershell.values import NamedItems, PSObject, ScriptBlock, collapse, each, written

if TYPE_CHECKING:
    from lab.twin.powershell.interpreter import Interpreter

MATCH = "System.Text.RegularExpressions.Match"
VARIABLE = re.compile(r"%(\w[\w()]*)%")  # %SystemRoot%
GROUP = "System.Text.RegularExpressions.Group"


def from_base64(_: Interpreter, text: object) -> bytes:
    """Convert.FromBase64String."""
    try:
        return base64.b64decode(to_text(text), validate=True)
    except binascii.Error:
        raise method_failure("FromBase64String", 1, "The input is not a valid Base-64 string as it contains a non-base 64 character, more"
                             " than two padding characters, or an illegal character among the padding characters. ",
                             "System.FormatException") from None


def _bytes(data: object) -> bytes:
    found = cast("byte[]", data)
    return found if isinstance(found, bytes) else b""


def _encoding(name: str, codec: str) -> PSObject:
    def to_string(data: object) -> str:
        text = _bytes(data).decode(codec, "replace")
        return text.replace("\ufffd", "?") if codec == "ascii" else text

    return PSObject([("EncodingName", name)], type_name=f"System.Text.{name}Encoding", methods={
        "GetString": to_string, "GetBytes": lambda text: to_text(text).encode(codec, "replace")})


ENCODINGS = {"UTF8": _encoding("UTF8", "utf-8"), "Unicode": _encoding("Unicode", "utf-16-le"), "ASCII": _encoding("ASCII", "ascii"),
             "Default": _encoding("Default", "cp1252")}


def _match(found: re.Match[str] | None) -> PSObject:
    if found is None:
        return PSObject([("Success", False), ("Value", ""), ("Index", 0), ("Length", 0)], type_name=MATCH, text="")
    names = found.re.groupindex
    groups = [PSObject([("Name", str(number)), ("Success", value is not None), ("Value", value or "")], type_name=GROUP, text=value or "")
              for number, value in enumerate((found[0], *([] if names else found.groups())))]
    groups += [PSObject([("Name", name), ("Success", value is not None), ("Value", value or "")], type_name=GROUP, text=value or "")
               for name, value in found.groupdict().items()]
    return PSObject([("Success", True), ("Value", found[0]), ("Index", found.start()), ("Length", len(found[0])),
                     ("Groups", NamedItems(groups))], type_name=MATCH, text=found[0])


def regex_replace(interpreter: Interpreter, text: object, pattern: object, replacement: object) -> str:
    """Regex.Replace with text or a script block as its evaluator."""
    if not isinstance(replacement, ScriptBlock):
        return substitute(to_text(pattern), to_text(replacement), to_text(text), case=True)
    block = replacement

    def evaluate(found: re.Match[str]) -> str:
        return to_text(collapse(interpreter.invoke_block(block, [_match(found)])))

    return compiled(to_text(pattern), case=True).sub(evaluate, to_text(text))


def create_block(interpreter: Interpreter, source: object) -> ScriptBlock:
    """ScriptBlock.Create."""
    return interpreter.new_block(to_text(source))


def _from_digits(kind: str, value: object, base: object) -> int:
    """Convert.ToInt32 and its like: of text in a base, or of a number."""
    if not isinstance(value, str):
        return to_integer(kind, value)
    try:
        number = int(value, to_integer("int", base))
    except ValueError:
        raise method_failure(f"To{kind.capitalize()}", 2, "Could not find any recognizable digits.", "System.FormatException") from None
    of_type, bits, _ = KINDS[kind]
    if to_integer("int", base) != 10 and 0 <= number < 1 << bits:
        return wrapped(of_type, number)
    return to_integer(kind, literal(number))


def _digits(_: Interpreter, value: object, base: object = 10) -> str:
    """Convert.ToString: negative numbers as their bits, unless in base 10."""
    if not isinstance(value, int) or isinstance(value, bool):
        return to_text(value)
    form = {2: "b", 8: "o", 10: "d", 16: "x"}[to_integer("int", base)]
    return format(int(value) if form == "d" else int(value) & ((1 << shape(value)[0]) - 1), form)


def _null_or_empty(_: Interpreter, text: object) -> bool:
    return to_text(text) == ""


def _rounded(_: Interpreter, value: object, digits: object = 0) -> float:
    factor = 10.0 ** to_integer("int", digits)
    return round(float(to_number(value)) * factor) / factor


def _chosen(choose: Callable[[Number, Number], Number]) -> Callable[..., Number]:
    def method(_: Interpreter, left: object, right: object) -> Number:
        one, other = to_number(left), to_number(right)
        if isinstance(one, float) or isinstance(other, float):
            return choose(float(one), float(other))
        return common_kind(one, other)(choose(one, other))

    return method


def _with_variables(interpreter: Interpreter, text: object) -> str:
    """Environment.ExpandEnvironmentVariables. Raises NotSupportedByTwin for a variable that Windows may have and the twin has not."""
    def value(found: re.Match[str]) -> str:
        known = interpreter.environment.get(found[1])
        if known is None:
            raise NotSupportedByTwin(f"the environment variable {found[1]}")
        return known

    return VARIABLE.sub(value, to_text(text))


dotnet_type("System.Convert", methods={
    "FromBase64String": from_base64, "ToBase64String": lambda _, data: base64.b64encode(_bytes(data)).decode(),
    "ToInt32": lambda _, value, base=10: _from_digits("int", value, base),
    "ToInt64": lambda _, value, base=10: _from_digits("long", value, base),
    "ToUInt32": lambda _, value, base=10: _from_digits("uint32", value, base),
    "ToByte": lambda _, value, base=10: _from_digits("byte", value, base), "ToString": _digits,
})
dotnet_type("System.Text.Encoding", properties=dict(ENCODINGS))
dotnet_type("System.Text.RegularExpressions.Regex", "regex", methods={
    "Replace": regex_replace,
    "Escape": lambda _, text: re.sub(r"([\\*+?|{\[()^$.# ])", r"\\\1", to_text(text)).replace("\n", r"\n").replace("\r", r"\r")
    .replace("\t", r"\t"),
    "IsMatch": lambda _, text, pattern: compiled(to_text(pattern), case=True).search(to_text(text)) is not None,
    "Match": lambda _, text, pattern: _match(compiled(to_text(pattern), case=True).search(to_text(text))),
    "Matches": lambda _, text, pattern: [_match(found) for found in compiled(to_text(pattern), case=True).finditer(to_text(text))],
})
dotnet_type("System.Math", methods={
    "Max": _chosen(max), "Min": _chosen(min), "Abs": lambda _, value: negate(to_number(value)) if to_number(value) < 0 else to_number(value),
    "Floor": lambda _, value: float(math.floor(to_number(value))), "Ceiling": lambda _, value: float(math.ceil(to_number(value))),
    "Truncate": lambda _, value: float(math.trunc(to_number(value))), "Round": _rounded,
    "Pow": lambda _, base, exponent: float(to_number(base)) ** float(to_number(exponent)),
})
dotnet_type("System.Guid", "guid", methods={"NewGuid": lambda _: cast("guid", str(uuid.uuid4()))})
dotnet_type("System.String", methods={
    "IsNullOrEmpty": _null_or_empty, "IsNullOrWhiteSpace": lambda _, text: not to_text(text).strip(),
    "Join": lambda _, separator, *items: to_text(separator).join(to_text(one) for item in items for one in each(item)),
    "Format": lambda _, pattern, *values: dotnet_format(to_text(pattern), [one for value in values for one in written(value)]),
}, properties={"Empty": ""})
for _name in ("int", "long", "uint32", "uint64", "byte", "int16", "uint16", "sbyte"):
    _least, _greatest = (KINDS[_name][0](one) for one in limits(KINDS[_name][0]))
    dotnet_type(FULL_NAMES[_name], _name, properties={"MinValue": _least, "MaxValue": _greatest})
dotnet_type("System.Management.Automation.ScriptBlock", "scriptblock", methods={"Create": create_block})
dotnet_type("System.Environment", properties={"MachineName": "WIN10VPN", "NewLine": "\r\n"}, methods={"ExpandEnvironmentVariables": _with_variables})
dotnet_type("System.Console", properties={"OutputEncoding": ENCODINGS["UTF8"], "InputEncoding": ENCODINGS["UTF8"]})


def _declare_exception(name: str) -> None:
    def construct(_: Interpreter, message: object = "") -> PSObject:
        return PSObject([("Message", to_text(message))], type_name=name, text=to_text(message))

    dotnet_type(name, construct=construct)


for _name in ("System.Exception", "System.InvalidOperationException", "System.ArgumentException",
              "System.Management.Automation.RuntimeException"):
    _declare_exception(_name)
