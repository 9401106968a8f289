"""The nodes of a text of XML, in their order, as .NET's XmlTextReader counts them: white space and line ends as they are written.

Owns nodes, and where each begins. Read up to the end or the first error, which is kept beside the nodes before it: whoever reads comes to them
first. No document type is looked at, and no entity but the five that XML has.
Source: XML 1.0; Microsoft's reference of XmlTextReader (.NET Framework 4.8). tests/twin/powershell compares with Mono's.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

SEPARATOR = " "
BLANK = " \t\r\n"
MARK = b"\xef\xbb\xbf"
UNDEFINED_ENTITY = expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]


@dataclass(slots=True)
class Node:
    """What the reader stands at."""

    kind: str
    depth: int
    at: int = 0
    """Octet of the text in UTF-8 at which it begins."""
    name: str = ""
    value: str = ""
    empty: bool = False
    """<name/>."""


class _DocumentType(Exception):
    """There is one."""


class Nodes:
    """Makes nodes of a text, up to its end or its first error."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8", "surrogatepass")
        self.nodes: list[Node] = []
        self.error = ""
        """What is not well-formed, and where; "" for nothing."""
        self.has_document_type = self.has_entity = False
        self._depth = 0
        self._parser = parser = expat.ParserCreate("utf-8", SEPARATOR)
        parser.namespace_prefixes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartCdataSectionHandler = lambda: self._add("CDATA")
        parser.EndCdataSectionHandler = self._close_cdata
        parser.CommentHandler = lambda text: self._add("Comment", value=text)
        parser.ProcessingInstructionHandler = lambda name, value: self._add("ProcessingInstruction", name=name, value=value)
        parser.XmlDeclHandler = lambda *_: self._add("XmlDeclaration", name="xml")
        parser.DefaultHandler = self._outside
        parser.StartDoctypeDeclHandler = self._document_type
        self._in_cdata = False
        self._parse()

    def _parse(self) -> None:
        if self.data.startswith(MARK) or b"\0" in self.data[:2]:  # which expat takes for UTF-16
            self.error = "Data at the root level is invalid. Line 1, position 1."
            return
        try:
            self._parser.Parse(self.data, True)
        except _DocumentType:
            self.has_document_type = True
        except expat.ExpatError as error:
            self.error = f"{expat.ErrorString(error.code)}. Line {error.lineno}, position {error.offset + 1}."
            self.has_entity = error.code == UNDEFINED_ENTITY

    def _add(self, kind: str, *, name: str = "", value: str = "") -> None:
        self._in_cdata = kind == "CDATA"
        self.nodes.append(Node(kind, self._depth, self._parser.CurrentByteIndex, name, value))

    def _start(self, name: str, _attributes: object) -> None:
        self._add("Element", name=_qualified(name))
        self._depth += 1

    def _end(self, name: str) -> None:
        self._depth -= 1
        last, here = self.nodes[-1], self._parser.CurrentByteIndex
        if last.kind == "Element" and last.depth == self._depth and self.data[here - 2 : here] == b"/>":
            last.empty = True
        else:
            self._add("EndElement", name=_qualified(name))

    def _text(self, text: str) -> None:
        """Keep a line's end as it is written: expat tells each alone, as a line feed."""
        here = self._parser.CurrentByteIndex
        if text == "\n" and self.data[here : here + 1] == b"\r":
            text = "\r\n" if self.data[here + 1 : here + 2] == b"\n" else "\r"
        if not self._in_cdata and (not self.nodes or self.nodes[-1].kind not in ("Text", "Whitespace")):
            self._add("Whitespace")
        last = self.nodes[-1]
        last.value += text
        if self._in_cdata:
            return
        if self.data[here : here + 1] == b"&" or last.value.strip(BLANK):
            last.kind = "Text"

    def _close_cdata(self) -> None:
        self._in_cdata = False

    def _outside(self, text: str) -> None:
        """White space before and behind the root; of what else is not handled, nothing is a node."""
        if self._depth == 0 and not text.strip(BLANK):
            self._text(text)

    @staticmethod
    def _document_type(*_: object) -> None:
        raise _DocumentType


def _qualified(name: str) -> str:
    uri, *rest = name.split(SEPARATOR)
    return f"{rest[1]}:{rest[0]}" if len(rest) == 2 else rest[0] if rest else uri
