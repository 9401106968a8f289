"""The .NET types that scripts use without touching Windows: Convert, Encoding, Regex, Math, Guid, String, ScriptBlock."""

from __future__ import annotations

import base64
import binascii
import math
import re
import uuid
from typing import TYPE_CHECKING

from lab.twin.powershell.convert import cast, dotnet_pattern, to_number, to_text
from lab.twin.powershell.errors import failure
from lab.twin.powershell.formatting import dotnet_format
from lab.twin.powershell.registry import dotnet_type
from lab.twin.powershell.values import PSObject, ScriptBlock, collapse, each

if TYPE_CHECKING:
    from lab.twin.powershell.interpreter import Interpreter


def from_base64(_: Interpreter, text: object) -> bytes:
    """Convert.FromBase64String."""
    try:
        return base64.b64decode(to_text(text), validate=True)
    except binascii.Error:
        raise failure('Exception calling "FromBase64String" with "1" argument(s): "The input is not a valid Base-64 string."',
                      exception="System.FormatException", identifier="FormatException") from None


def _encoding(name: str, codec: str) -> PSObject:
    return PSObject([("EncodingName", name)], type_name=f"System.Text.{name}Encoding", methods={
        "GetString": lambda data, *_: bytes(cast("byte[]", data) or b"").decode(codec, "replace"),  # type: ignore[call-overload]
        "GetBytes": lambda text: to_text(text).encode(codec, "replace"),
    })


ENCODINGS = {"UTF8": _encoding("UTF8", "utf-8"), "Unicode": _encoding("Unicode", "utf-16-le"), "ASCII": _encoding("ASCII", "ascii"),
             "Default": _encoding("Default", "cp1252")}


def regex_replace(interpreter: Interpreter, text: object, pattern: object, replacement: object, *_: object) -> str:
    """Regex.Replace with text or a script block as its evaluator."""
    compiled = re.compile(dotnet_pattern(to_text(pattern)))
    if not isinstance(replacement, ScriptBlock):
        return compiled.sub(lambda found: found.expand(re.sub(r"\$(\d+)", r"\\\1", to_text(replacement))), to_text(text))
    block = replacement

    def evaluate(found: re.Match[str]) -> str:
        match = PSObject([("Value", found[0]), ("Index", found.start()), ("Length", len(found[0])), ("Success", True)],
                         type_name="System.Text.RegularExpressions.Match", text=found[0])
        return to_text(collapse(interpreter.invoke_block(block, [match])))

    return compiled.sub(evaluate, to_text(text))


def create_block(interpreter: Interpreter, source: object) -> ScriptBlock:
    """ScriptBlock.Create."""
    return interpreter.new_block(to_text(source))


dotnet_type("System.Convert", methods={
    "FromBase64String": from_base64,
    "ToBase64String": lambda _, data: base64.b64encode(bytes(data)).decode(),
    "ToInt32": lambda _, value, base=10: int(to_text(value), int(to_number(base))) if isinstance(value, str) else cast("int", value),
    "ToUInt32": lambda _, value, base=10: int(to_text(value), int(to_number(base))) if isinstance(value, str) else cast("uint32", value),
    "ToString": lambda _, value, base=10: format(int(to_number(value)), {2: "b", 8: "o", 10: "d", 16: "x"}[int(to_number(base))]),
})
dotnet_type("System.Text.Encoding", properties=dict(ENCODINGS))
dotnet_type("System.Text.RegularExpressions.Regex", "regex", methods={
    "Replace": regex_replace,
    "Escape": lambda _, text: re.sub(r"([\\*+?|{\[()^$.# ])", r"\\\1", to_text(text)),
    "IsMatch": lambda _, text, pattern, *_rest: re.search(dotnet_pattern(to_text(pattern)), to_text(text)) is not None,
})
dotnet_type("System.Math", methods={
    "Max": lambda _, left, right: max(to_number(left), to_number(right)),
    "Min": lambda _, left, right: min(to_number(left), to_number(right)),
    "Abs": lambda _, value: abs(to_number(value)), "Floor": lambda _, value: math.floor(to_number(value)),
    "Round": lambda _, value, digits=0: round(float(to_number(value)), int(to_number(digits))),
})
dotnet_type("System.Guid", methods={"NewGuid": lambda _: str(uuid.uuid4())})
dotnet_type("System.String", methods={
    "IsNullOrEmpty": lambda _, text: not text, "IsNullOrWhiteSpace": lambda _, text: not to_text(text).strip(),
    "Join": lambda _, separator, *items: to_text(separator).join(to_text(one) for item in items for one in each(item)),
    "Format": lambda _, pattern, *values: dotnet_format(to_text(pattern), list(values)),
}, properties={"Empty": ""})
dotnet_type("System.Management.Automation.ScriptBlock", "scriptblock", methods={"Create": create_block})
dotnet_type("System.Environment", properties={"MachineName": "WIN10VPN", "NewLine": "\r\n"})
dotnet_type("System.Console", properties={"OutputEncoding": ENCODINGS["UTF8"], "InputEncoding": ENCODINGS["UTF8"]})


def _declare_exception(name: str) -> None:
    def construct(_: Interpreter, message: object = "") -> PSObject:
        return PSObject([("Message", to_text(message))], type_name=name, text=to_text(message))

    dotnet_type(name, construct=construct)


for _name in ("System.Exception", "System.InvalidOperationException", "System.ArgumentException",
              "System.Management.Automation.RuntimeException"):
    _declare_exception(_name)
