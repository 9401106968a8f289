"""XmlTextReader: the same nodes, places and ends as Mono's, whose System.Xml is Microsoft's; what the twin would have to guess is refused."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest
from twin_scripts import refusal, run

from lab.errors import HostError
from lab.twin.commands.xml_reader import Reader
from lab.twin.powershell.errors import PowerShellError
from lab.twin.windows.ias import stock_policy

SOURCE = Path(__file__).parent / "xml_nodes" / "XmlNodes.cs"
NESTED = "<a>\r\n <b>1</b><c><b>2</b></c>\t<b/><!-- b --><b> 3\n</b>\n</a>"
DOCUMENTS = {
    "the stock ias.xml": stock_policy().decode(), "line ends of three kinds": "<a>\r\n <b/>\n\r</a\r\n>\r", "attributes over lines": "<a\n  x='1'\n\ty=\">\"><b></b ></a>",
    "empty and not": "<a><a/><b></b><c x='/'></c></a>", "text that looks like an end": "<a>x/><b/>/></a>", "name of the root again": "<a><a></a></a>",
    "prolog and epilog": "<?xml version='1.0'?>\n<!-- c --> <a/>\r\n<?p q?> <!-- d -->\n", "cdata": "<a><![CDATA[x]]><![CDATA[<b/>\r\n]]> y<![CDATA[]]></a>",
    "instructions": "<a>1<?p q?>2</a>", "namespaces": "<a xmlns='u'><p:b xmlns:p='v' p:c='1'/></a>", "references": "<a>&#53;&amp;x &lt;</a>", "white space by number": "<a>&#32;</a>",
    "white space of both kinds": "<a>\r\n&#13;\r</a>", "letters": "<\u00e4 b='\u20ac'>\u00fc<b/></\u00e4>", "white space first": "  <a/>",
}
STEPS = {
    "the next of a name": "content,read,next:b,string,next:b,string,next:b,string,next:b,next:b,read", "none of a name": "content,read,next:x,read",
    "past an element": "content,read,read,skip,skip,skip,read", "past everything": "content,skip,read,read", "text": "content,read,read,string,read,string,string",
    "text of what has elements": "content,string,string,read", "content": "read,read,content,read,content,string,content", "before the beginning": "next:b,string,skip,read",
}
BAD = {
    "not closed": "<a>\n<b></a>", "cut off in a tag": "<a>\n<b x='1", "cut off in text": "<a>\n<b>1</b> ", "nothing": "", "no xml": "policy", "two roots": "<a/>\n<b/>",
    "no quotes": "<a b=1/>", "twice": "<a b='1' b='2'/>", "unknown prefix": "<a>\n<p:b/></a>", "character": "<a>\n\x01</a>", "end of cdata": "<a>\n]]></a>", "mark": "\ufeff<a/>",
    "document type": "<!DOCTYPE a><a/>", "ampersand": "<a>\n& </a>", "declaration behind white space": " <?xml version='1.0'?><a/>",
    "utf-16 as text": "\0<\0a\0/\0>",
}


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory):
    """Ask Mono's reader."""
    program = tmp_path_factory.mktemp("xml") / "nodes.exe"
    try:
        subprocess.run(["mcs", "-langversion:5", "-r:System.Xml", f"-out:{program}", str(SOURCE)], check=True, capture_output=True)
    except FileNotFoundError as error:
        raise HostError("there is no mcs, which compiles tests/twin/powershell/xml_nodes", hint="ci/install-packages tests") from error
    asked = [(text, "all") for text in (*DOCUMENTS.values(), *BAD.values())] + [(NESTED, steps) for steps in STEPS.values()]
    lines = "".join(f"{base64.b64encode(text.encode()).decode()} {steps}\n" for text, steps in asked)
    done = subprocess.run(["mono", str(program)], input=lines, check=True, capture_output=True, text=True)
    answers = done.stdout.removesuffix("\n\n").split("\n\n")
    return dict(zip(asked, [answer.split("\n") for answer in answers], strict=True))


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def given(reader: Reader, step: str) -> str:
    if step.startswith("next:"):
        return str(reader.read_to_next_sibling(step[5:]))
    if step == "skip":
        reader.skip()
        return "-"
    return {"read": lambda: str(reader.read()), "content": reader.move_to_content, "string": lambda: coded(reader.read_string())}[step]()


def told(reader: Reader, before: str) -> str:
    place = ":".join(map(str, reader.place())) if reader.kind in ("Element", "EndElement") else "-"
    value = reader.node.value if reader.node and reader.kind in ("Text", "Whitespace", "CDATA") else ""
    return f"{before} {reader.kind} {reader.depth} {place} {reader.is_empty} {coded(reader.name)} {coded(value)}"


def ours(text: str, steps: str) -> list[str]:
    reader, lines = Reader(text), []
    reader.prohibits = True
    try:
        while steps == "all":
            lines.append(told(reader, given(reader, "read")))
            if reader.kind == "None":
                return lines
        lines += [told(reader, given(reader, step)) for step in steps.split(",")]
    except PowerShellError as error:
        line = re.search(r"Line (\d+), position \d+", error.record.message)
        lines.append(f"error {line[1] if line else 0}" if error.record.inner == "System.Xml.XmlException" else error.record.inner)
    return lines


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_sees_the_nodes_that_monos_sees(mono, name: str) -> None:
    assert ours(DOCUMENTS[name], "all") == mono[DOCUMENTS[name], "all"]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_leads_where_it_leads_monos(mono, name: str) -> None:
    assert ours(NESTED, STEPS[name]) == mono[NESTED, STEPS[name]]


@pytest.mark.parametrize("name", BAD)
def test_it_fails_where_monos_fails(mono, name: str) -> None:
    """In the same line, where Mono tells one, after the same nodes; Mono looks ahead, and at the end of a text tells of less."""
    *nodes, error = ours(BAD[name], "all")
    *theirs, their_error = mono[BAD[name], "all"]

    assert their_error in (error, "error 0")
    assert nodes[: len(theirs)] == theirs
    assert len(nodes) - len(theirs) <= 1


NEW = "$r = New-Object System.Xml.XmlTextReader -ArgumentList (New-Object System.IO.StringReader -ArgumentList '{}'); $r.XmlResolver = $null; "
SAFE = NEW + "$r.DtdProcessing = 'Prohibit'; "


@pytest.mark.parametrize(("script", "expected"), [
    (SAFE.format("<a><b>1</b></a>") + "$r.MoveToContent(); $r.Name; $r.Read(); $r.LineNumber; $r.LinePosition; $r.ReadString(); $r.NodeType; $r.Depth",
     ["Element", "a", "True", "1", "5", "1", "EndElement", "1"]),
    (SAFE.format("<a/>") + "$r.NodeType -eq 'None'; $r.Read(); $r.NodeType -eq 'Element'; [int]$r.NodeType; $r.IsEmptyElement; $r.Read(); $r.Depth",
     ["True", "True", "True", "1", "True", "False", "0"]),
    (SAFE.format("<a><b></a>") + "try { while ($r.Read()) { $r.Name } } catch [System.Xml.XmlException] { $_.Exception.InnerException.Message }",
     ["a", "b", "mismatched tag. Line 1, position 9."]),
    (SAFE.format('<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>') + "try { $r.Read() } catch [System.Xml.XmlException] { $_.Exception.InnerException.Message.Substring(0, 37) }",
     ["For security reasons DTD is prohibite"]),
])
def test_right(script: str, expected: list[str]) -> None:
    assert run(script) == expected


@pytest.mark.parametrize(("script", "named"), [
    (NEW.format("<!DOCTYPE a><a/>") + "$r.Read()", "document type"), (NEW.format("<a>&b;</a>") + "while ($r.Read()) { }", "entity"),
    (NEW.format("<a/>") + "$r.DtdProcessing = 'Parse'", "DtdProcessing = Parse"), (NEW.format("<a/>") + "$r.XmlResolver = 1", "XmlResolver"),
    (NEW.format("<a/>") + "$r.Normalization = $true", "Normalization"), (NEW.format("<a/>") + "$r.LineNumber", "line of a node None"),
    (NEW.format("<a/>") + "$r.ReadInnerXml()", "ReadInnerXml"), (NEW.format("<a/>") + "$r.Value", "Value"),
    ("New-Object System.Xml.XmlTextReader -ArgumentList 'C:\\a.xml'", "StringReader"), ("New-Object System.Xml.XmlDocument", "XmlDocument"),
])
def test_what_would_have_to_be_guessed_is_refused(script: str, named: str) -> None:
    assert named in refusal(script)
