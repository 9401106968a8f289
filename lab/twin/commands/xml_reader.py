"""System.Xml.XmlTextReader over a System.IO.StringReader: forward through a document, node by node, with the place of each in the text.

Owns what scripts need of it: Read, MoveToContent, Skip, ReadToNextSibling, ReadString, and where a tag's name begins. As .NET's reader it keeps
line ends and white space, heeds namespaces, and fails where it comes to what is not well-formed, not before; an XmlException has .NET's type and
line, and expat's words. A document type is an error with DtdProcessing = Prohibit, and refused by the twin otherwise, as is every entity but the
five that XML has: none is ever followed. A character counts one in a line also where UTF-16 has two, as in every string of the twin.
Source: Microsoft's reference of XmlReader and XmlTextReader (.NET Framework 4.8); LinePosition there: 2 for the r of <root>, 3 for that of </root>.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.twin.powershell.convert import to_text
from lab.twin.powershell.errors import NotSupportedByTwin, PowerShellError, method_failure
from lab.twin.powershell.interpreter import Interpreter
from lab.twin.powershell.registry import dotnet_type
from lab.twin.powershell.values import EnumValue, PSObject

if TYPE_CHECKING:
    from lab.twin.powershell.xml_nodes import Node, Nodes

READER, TEXT_READER = "System.Xml.XmlTextReader", "System.IO.StringReader"
LINE_END = re.compile(r"\r\n|\r|\n")
KINDS = {"None": 0, "Element": 1, "Text": 3, "CDATA": 4, "ProcessingInstruction": 7, "Comment": 8, "Whitespace": 13, "EndElement": 15, "XmlDeclaration": 17}
"""XmlNodeType."""
CONTENT = frozenset({"Element", "Text", "CDATA", "EndElement"})
NAME_BEGINS = {"Element": 1, "EndElement": 2}
"""Where a name begins in its tag."""


class Reader:
    """One XmlTextReader."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.prohibits = False
        self._nodes: Nodes | None = None
        self._at = -1

    @property
    def document(self) -> Nodes:
        """The document, parsed when it is first read."""
        if self._nodes is None:
            from lab.twin.powershell.xml_nodes import Nodes  # noqa: PLC0415 - only steps of EAP need a parser of XML

            self._nodes = Nodes(self.text)
        return self._nodes

    @property
    def node(self) -> Node | None:
        """Where it stands; None before the first node and behind the last."""
        return self.document.nodes[self._at] if 0 <= self._at < len(self.document.nodes) else None

    @property
    def kind(self) -> str:
        """NodeType, as text."""
        return self.node.kind if self.node else "None"

    @property
    def depth(self) -> int:
        """How many elements are around it."""
        return self.node.depth if self.node else 0

    @property
    def name(self) -> str:
        """Its name, with the prefix."""
        return self.node.name if self.node else ""

    @property
    def is_empty(self) -> bool:
        """Whether it is <name/>."""
        return self.node is not None and self.node.empty

    def read(self) -> bool:
        """Go to the next node; false at the end. Raises PowerShellError, with an XmlException inside, NotSupportedByTwin."""
        self._at = min(self._at + 1, len(self.document.nodes))
        if self._at < len(self.document.nodes):
            return True
        if self.document.has_document_type and not self.prohibits:
            raise NotSupportedByTwin("a document type without DtdProcessing = Prohibit")
        if self.document.has_entity:
            raise NotSupportedByTwin("a reference to an entity in XML")
        if self.document.has_document_type:
            raise self._failure("For security reasons DTD is prohibited in this XML document. To enable DTD processing set the DtdProcessing property on"
                                " XmlReaderSettings to Parse and pass the settings into XmlReader.Create method.")
        if self.document.error:
            raise self._failure(self.document.error)
        return False

    @staticmethod
    def _failure(message: str) -> PowerShellError:
        return method_failure("Read", 0, message, "System.Xml.XmlException")

    def move_to_content(self) -> EnumValue:
        """Go on to the next element, its end, or text; stay if it is there."""
        while self.kind not in CONTENT and self.read():
            pass
        return self.node_type()

    def skip(self) -> None:
        """Go past a node and all that is in it."""
        depth = self.depth
        if self.kind == "Element" and not self.is_empty:
            while self.read() and not (self.kind == "EndElement" and self.depth == depth):
                pass
        self.read()

    def read_to_next_sibling(self, name: object) -> bool:
        """Go on to the next element of a name under the same parent; without one to the parent's end."""
        self.skip()
        while self.kind not in ("None", "EndElement"):
            if self.kind == "Element" and self.name == to_text(name):
                return True
            self.skip()
        return False

    def read_string(self) -> str:
        """Return an element's text up to its end or its first child, and stand there."""
        if self.kind == "Element" and (self.is_empty or not self.read()):
            return ""
        parts: list[str] = []
        while self.node is not None and self.kind in ("Text", "CDATA", "Whitespace"):
            parts.append(self.node.value)
            self.read()
        return "".join(parts)

    def node_type(self) -> EnumValue:
        """NodeType."""
        return EnumValue(self.kind, KINDS[self.kind], "System.Xml.XmlNodeType")

    def place(self) -> tuple[int, int]:
        """Return line and position of a tag's name, from 1. Raises NotSupportedByTwin for what is no tag."""
        if self.node is None or self.kind not in NAME_BEGINS:
            raise NotSupportedByTwin(f"the line of a node {self.kind}")
        before = self.document.data[: self.node.at].decode("utf-8", "surrogatepass")
        ends = list(LINE_END.finditer(before))
        return len(ends) + 1, len(before) - (ends[-1].end() if ends else 0) + NAME_BEGINS[self.kind] + 1


def _set_processing(reader: Reader) -> Callable[[object], None]:
    def set_to(value: object) -> None:
        if to_text(value).lower() != "prohibit":
            raise NotSupportedByTwin(f"DtdProcessing = {to_text(value)}")
        reader.prohibits = True

    return set_to


def _set_resolver(value: object) -> None:
    if value is not None:
        raise NotSupportedByTwin("an XmlResolver other than $null")


def new_string_reader(_: Interpreter, text: object) -> PSObject:
    """A StringReader."""
    return PSObject(type_name=TEXT_READER, handle=to_text(text))


def new_reader(_: Interpreter, source: object) -> PSObject:
    """An XmlTextReader. Raises NotSupportedByTwin for one of a file, an address or a stream."""
    if not isinstance(source, PSObject) or source.type_name != TEXT_READER or not isinstance(source.handle, str):
        raise NotSupportedByTwin("an XmlTextReader of something else than a StringReader")
    reader = Reader(source.handle)
    return PSObject(
        {"NodeType": reader.node_type, "Name": lambda: reader.name, "Depth": lambda: reader.depth, "IsEmptyElement": lambda: reader.is_empty,
         "LineNumber": lambda: reader.place()[0], "LinePosition": lambda: reader.place()[1]},
        type_name=READER, setters={"DtdProcessing": _set_processing(reader), "XmlResolver": _set_resolver},
        methods={"Read": reader.read, "MoveToContent": reader.move_to_content, "Skip": reader.skip, "ReadToNextSibling": reader.read_to_next_sibling,
                 "ReadString": reader.read_string})


dotnet_type(TEXT_READER, construct=new_string_reader)
dotnet_type(READER, construct=new_reader)
