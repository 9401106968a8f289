"""Script blocks, functions' parameters, and their attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.twin.powershell import tree
from lab.twin.powershell.scanner import TYPE, VARIABLE
from lab.twin.powershell.words import CommandParser

ATTRIBUTE = re.compile(r"\[\s*([A-Za-z]\w*)\s*\(")  # [Parameter(
QUOTED_LIST = re.compile(r"\s*(?:'[^']*'|\"[^\"$`]*\")(?:\s*,\s*(?:'[^']*'|\"[^\"$`]*\"))*\s*")  # 'a', 'b'
MANDATORY = re.compile(r"mandatory(?:\s*=\s*\$(true|false))?", re.I)
POSITION = re.compile(r"position\s*=\s*(\d+)", re.I)


@dataclass(slots=True)
class Attributes:
    """What the attributes before a parameter, or before param, say."""

    mandatory: bool = False
    allowed: list[str] | None = None
    not_empty: bool = False
    may_be_empty: bool = False
    advanced: bool = False


class BlockParser(CommandParser):
    """Blocks."""

    def block(self) -> tree.Block:
        """{ param( … ) statements }."""
        self.need("{")
        inner = self.body("}")
        self.need("}")
        return inner

    def body(self, end: str) -> tree.Block:
        """What is inside a script block."""
        at = self.at
        self.space(lines=True)
        advanced = self.attributes().advanced
        parameters: list[tree.Parameter] = []
        if self.keyword() == "param":
            self.at += 5
            self.space(lines=True)
            parameters = self.parameters()
        parts: dict[str, list[tree.Node]] = {}
        self.space(lines=True)
        while self.keyword() in ("begin", "process", "end"):
            name = self.keyword()
            self.at += len(name)
            self.space(lines=True)
            parts[name] = self.braces()
            self.space(lines=True)
        statements = parts.get("end", []) if parts else self.statements(end)
        advanced = advanced or any(one.advanced for one in parameters)
        return tree.Block(at, parameters, statements, self.source[at : self.at], parts.get("process"), parts.get("begin"), self.source,
                          advanced)

    def braces(self) -> list[tree.Node]:
        """{ statements }."""
        self.need("{")
        body = self.statements("}")
        self.need("}")
        return body

    def attributes(self, place: int = 0) -> Attributes:
        """Read attributes before a parameter, which is the place-th. Raises ParseError for what the twin does not heed."""
        found = Attributes()
        while attribute := self.match(ATTRIBUTE):
            start = attribute.end()
            end = self.source.find(")]", start)
            if end < 0:
                raise self.fail("the attribute has no end")
            name, content = attribute[1].lower(), self.source[start:end].strip()
            if name == "validateset" and QUOTED_LIST.fullmatch(content):
                found.allowed = re.findall(r"['\"]([^'\"]*)['\"]", content)
            elif name == "validatenotnullorempty" and not content:
                found.not_empty = True
            elif name in ("allowemptystring", "allownull", "allowemptycollection") and not content:
                found.may_be_empty = True
            elif name == "cmdletbinding" and not content:
                found.advanced = True
            elif name == "parameter":
                found.advanced = True
                self.parameter_attribute(content, place, found)
            else:
                raise self.fail(f"not supported by the twin: the attribute [{attribute[1]}({content})]")
            self.at = end + 2
            self.space(lines=True)
        return found

    def parameter_attribute(self, content: str, place: int, found: Attributes) -> None:
        """[Parameter( … )]: Mandatory, and Position where it is the order in which the parameters stand."""
        for part in filter(None, (one.strip() for one in content.split(","))):
            if mandatory := MANDATORY.fullmatch(part):
                found.mandatory = (mandatory[1] or "true").lower() == "true"
            elif not (position := POSITION.fullmatch(part)) or int(position[1]) != place:
                raise self.fail(f"not supported by the twin: [Parameter({part})]")

    def parameters(self) -> list[tree.Parameter]:
        """( [type] $name = default, … )."""
        self.need("(")
        found: list[tree.Parameter] = []
        self.space(lines=True)
        while not self.take(")"):
            at = self.at
            said = self.attributes(len(found))
            kind = None
            while declared := self.match(TYPE):
                if kind is not None:
                    raise self.fail("not supported by the twin: a parameter with two types")
                kind = declared[1]
                self.at = declared.end()
                self.space(lines=True)
                if self.match(ATTRIBUTE):
                    raise self.fail("not supported by the twin: an attribute behind a parameter's type (write it before)")
            variable = self.match(VARIABLE)
            if not variable:
                raise self.fail("a parameter was expected")
            self.at = variable.end()
            self.space(lines=True)
            default = None
            if self.take("="):
                self.space(lines=True)
                default = self.expression_without_comma()
                self.space(lines=True)
            found.append(tree.Parameter(at, variable[1] or variable[2], kind, default, said.mandatory, said.allowed, said.not_empty,
                                        said.may_be_empty, said.advanced))
            if not self.take(","):
                self.space(lines=True)
                self.need(")")
                return found
            self.space(lines=True)
        return found

