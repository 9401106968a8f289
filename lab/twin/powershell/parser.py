"""Statements: the top of the subset's grammar."""

from __future__ import annotations

import re
from functools import lru_cache

from lab.twin.powershell import tree
from lab.twin.powershell.blocks import BlockParser
from lab.twin.powershell.scanner import PARAMETER, REFUSED, TYPE, VARIABLE, WORD

NO_TERMINATOR = (tree.If, tree.While, tree.For, tree.ForEach, tree.Switch, tree.Try, tree.Function)


@lru_cache(maxsize=256)
def parse(source: str) -> tree.Block:
    """Return the tree of a script; trees are never changed, and the same scripts come again and again. Raises ParseError."""
    parser = Parser(source)
    try:
        block = parser.body("")
    except RecursionError:
        raise parser.fail("not supported by the twin: so deep a nesting") from None
    if parser.here:
        raise parser.fail(f"unexpected {parser.here!r}")
    return block


class Parser(BlockParser):
    """The grammar."""

    def statements(self, end: str) -> list[tree.Node]:
        """Statements up to one of the characters in `end`."""
        found: list[tree.Node] = []
        while True:
            self.space(lines=True)
            if not self.here or self.here in end:
                return found
            if self.take(";"):
                continue
            found.append(self.statement())
            self.space()
            ended = not self.here or self.here in "\n;" or self.here in end
            if not ended and not isinstance(found[-1], NO_TERMINATOR):
                unexpected = self.source[self.at : self.at + 20].split("\n")[0]
                raise self.fail(f"unexpected token {unexpected!r} in expression or statement")

    def statement(self) -> tree.Node:
        """One statement."""
        at, keyword = self.at, self.keyword()
        if keyword in REFUSED:
            raise self.fail(f"not supported by the twin: {keyword}")
        read = getattr(self, f"read_{keyword}", None) if keyword else None
        if read is None:
            return self.pipeline()
        self.at += len(keyword)
        self.space(lines=True)
        node = read(at)
        assert isinstance(node, tree.Node)
        return node

    def condition(self) -> tree.Node:
        """( … ) of a statement."""
        self.space(lines=True)
        self.need("(")
        self.space(lines=True)
        inner = self.pipeline()
        self.space(lines=True)
        self.need(")")
        self.space(lines=True)
        return inner

    def read_if(self, at: int) -> tree.Node:
        """If, elseif, else."""
        clauses = [(self.condition(), self.braces())]
        while True:
            before = self.at
            self.space(lines=True)
            word = self.match(WORD)
            if word and word[0].lower() == "elseif":
                self.at = word.end()
                clauses.append((self.condition(), self.braces()))
            elif word and word[0].lower() == "else":
                self.at = word.end()
                self.space(lines=True)
                return tree.If(at, clauses, self.braces())
            else:
                self.at = before
                return tree.If(at, clauses, None)

    def read_while(self, at: int) -> tree.Node:
        """While."""
        return tree.While(at, self.condition(), self.braces())

    def read_do(self, at: int) -> tree.Node:
        """Do … while, do … until."""
        body = self.braces()
        self.space(lines=True)
        word = self.match(WORD)
        if not word or word[0].lower() not in ("while", "until"):
            raise self.fail("while or until was expected")
        self.at = word.end()
        return tree.While(at, self.condition(), body, after=True, until=word[0].lower() == "until")

    def read_for(self, at: int) -> tree.Node:
        """For."""
        self.need("(")
        parts: list[tree.Node | None] = []
        for end in ";;)":
            self.space(lines=True)
            parts.append(None if self.here == end else self.pipeline())
            self.space(lines=True)
            self.need(end)
        self.space(lines=True)
        return tree.For(at, parts[0], parts[1], parts[2], self.braces())

    def read_foreach(self, at: int) -> tree.Node:
        """Foreach over a collection."""
        self.need("(")
        self.space(lines=True)
        variable = self.match(VARIABLE)
        if not variable:
            raise self.fail("a variable was expected")
        self.at = variable.end()
        self.space(lines=True)
        word = self.match(WORD)
        if not word or word[0].lower() != "in":
            raise self.fail("in was expected")
        self.at = word.end()
        self.space(lines=True)
        source = self.pipeline()
        self.space(lines=True)
        self.need(")")
        self.space(lines=True)
        return tree.ForEach(at, variable[1] or variable[2], source, self.braces())

    def read_switch(self, at: int) -> tree.Node:
        """Switch."""
        mode = ""
        while flag := self.match(PARAMETER):
            mode = flag[1].lower()
            if mode not in ("regex", "wildcard", "exact"):
                raise self.fail(f"not supported by the twin: switch -{mode}")
            self.at = flag.end()
            self.space(lines=True)
        value = self.condition()
        self.need("{")
        clauses: list[tuple[tree.Node | None, list[tree.Node]]] = []
        while True:
            self.space(lines=True)
            if self.take("}"):
                return tree.Switch(at, value, mode, clauses)
            word = self.match(WORD)
            label: tree.Node | None
            if word and word[0].lower() == "default":
                self.at, label = word.end(), None
            elif word:
                self.at, label = word.end(), tree.Literal(word.start(), word[0])
            else:
                label = self.expression_without_comma()
            self.space(lines=True)
            clauses.append((label, self.braces()))

    def read_try(self, at: int) -> tree.Node:
        """Try, catch, finally."""
        body = self.braces()
        catches: list[tuple[list[str], list[tree.Node]]] = []
        last = None
        while True:
            before = self.at
            self.space(lines=True)
            word = self.match(WORD)
            if word and word[0].lower() == "catch":
                self.at = word.end()
                self.space(lines=True)
                types = []
                while kind := self.match(TYPE):
                    types.append(kind[1])
                    self.at = kind.end()
                    self.space(lines=True)
                    self.take(",")
                    self.space(lines=True)
                catches.append((types, self.braces()))
            elif word and word[0].lower() == "finally":
                self.at = word.end()
                self.space(lines=True)
                last = self.braces()
            else:
                self.at = before
                if not catches and last is None:
                    raise self.fail("catch or finally was expected")
                return tree.Try(at, body, catches, last)

    def read_function(self, at: int) -> tree.Node:
        """Function name { … }, or with its parameters in parentheses."""
        name = self.match(re.compile(r"[\w:-]+"))
        if not name:
            raise self.fail("a function's name was expected")
        self.at = name.end()
        self.space(lines=True)
        parameters = self.parameters() if self.here == "(" else []
        self.space(lines=True)
        block = self.block()
        block.parameters = parameters or block.parameters
        block.advanced = block.advanced or any(one.advanced for one in parameters)
        return tree.Function(at, name[0], block)

    def _flow(self, at: int, kind: str) -> tree.Node:
        self.at = at + len(kind)
        self.space()
        value = None if not self.here or self.here in "\n;})" else self.pipeline()
        if value is not None and kind in ("break", "continue"):
            raise self.fail(f"not supported by the twin: {kind} with a label (set a variable that the outer loop tests)")
        return tree.Flow(at, kind, value)

    def read_return(self, at: int) -> tree.Node:
        """Return."""
        return self._flow(at, "return")

    def read_throw(self, at: int) -> tree.Node:
        """Throw."""
        return self._flow(at, "throw")

    def read_exit(self, at: int) -> tree.Node:
        """Exit."""
        return self._flow(at, "exit")

    def read_break(self, at: int) -> tree.Node:
        """Break."""
        return self._flow(at, "break")

    def read_continue(self, at: int) -> tree.Node:
        """Continue."""
        return self._flow(at, "continue")
