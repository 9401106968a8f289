"""Statements, commands and script blocks: the whole of the subset's grammar above expressions."""

from __future__ import annotations

import re

from lab.twin.powershell import tree
from lab.twin.powershell.expressions import ExpressionParser, read_number, simple
from lab.twin.powershell.scanner import ASSIGNMENT, NUMBER, PARAMETER, REFUSED, TYPE, VARIABLE, WORD

REDIRECTION = re.compile(r"([1-6*])?>(?:&1|\s*\$null)", re.I)
ENDS_ARGUMENT = frozenset(" \t\n;|)}&,")
NO_TERMINATOR = (tree.If, tree.While, tree.For, tree.ForEach, tree.Switch, tree.Try, tree.Function)
SPLATTED = re.compile(r"@([A-Za-z_]\w*)")
ATTRIBUTE = re.compile(r"\[\s*(Parameter|ValidateSet|ValidateNotNullOrEmpty|AllowEmptyString|AllowNull|CmdletBinding)\s*\(", re.I)


def parse(source: str) -> tree.Block:
    """Return the tree of a script. Raises ParseError."""
    parser = Parser(source)
    block = parser.body("")
    if parser.here:
        raise parser.fail(f"unexpected {parser.here!r}")
    return block


class Parser(ExpressionParser):
    """The grammar."""

    # -- blocks -------------------------------------------------------------------------------------------------------

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
        self.attributes()
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
        return tree.Block(at, parameters, statements, self.source[at : self.at], parts.get("process"), parts.get("begin"), self.source)

    def braces(self) -> list[tree.Node]:
        """{ statements }."""
        self.need("{")
        body = self.statements("}")
        self.need("}")
        return body

    def attributes(self) -> tuple[bool, list[str] | None]:
        """Attributes before a parameter; return whether it is mandatory, and the allowed values."""
        mandatory, allowed = False, None
        while attribute := self.match(ATTRIBUTE):
            self.at = attribute.end() - 1
            start = self.at
            depth = self.source.find(")]", start)
            if depth < 0:
                raise self.fail("the attribute has no end")
            content = self.source[start + 1 : depth]
            if attribute[1].lower() == "validateset":
                allowed = re.findall(r"['\"]([^'\"]*)['\"]", content)
            mandatory = mandatory or bool(re.search(r"mandatory(?!\s*=\s*\$false)", content, re.I))
            self.at = depth + 2
            self.space(lines=True)
        return mandatory, allowed

    def parameters(self) -> list[tree.Parameter]:
        """( [type] $name = default, … )."""
        self.need("(")
        found: list[tree.Parameter] = []
        self.space(lines=True)
        while not self.take(")"):
            at = self.at
            mandatory, allowed = self.attributes()
            kind = None
            while declared := self.match(TYPE):
                kind = declared[1]
                self.at = declared.end()
                self.space(lines=True)
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
            found.append(tree.Parameter(at, variable[1] or variable[2], kind, default, mandatory, allowed))
            if not self.take(","):
                self.space(lines=True)
                self.need(")")
                return found
            self.space(lines=True)
        return found

    # -- statements ---------------------------------------------------------------------------------------------------

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
        inner = self.statement()
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
        source = self.statement()
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
                label = self.postfix()
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
        return tree.Function(at, name[0], block)

    def _flow(self, at: int, kind: str) -> tree.Node:
        self.at = at + len(kind)
        self.space()
        value = None if not self.here or self.here in "\n;})" else self.pipeline()
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

    # -- pipelines and commands ---------------------------------------------------------------------------------------

    def pipeline(self) -> tree.Node:
        """An assignment, or elements joined by |."""
        at = self.at
        first = self.element()
        if isinstance(first, (tree.Variable, tree.Member, tree.Index, tree.Cast, tree.Array)):
            self.space()
            if operator := self.match(ASSIGNMENT):
                self.at = operator.end()
                self.space(lines=True)
                return tree.Assignment(at, first, operator[0], self.statement())
        elements = [first]
        while True:
            self.space()
            if not self.sees("|") or self.sees("||"):
                break
            self.at += 1
            self.space(lines=True)
            elements.append(self.element())
        if self.sees("&"):
            raise self.fail("not supported by the twin: & behind a command")
        if len(elements) == 1 and not isinstance(first, tree.Command):
            return first
        return tree.Pipeline(at, elements)

    def element(self) -> tree.Node:
        """A command or an expression."""
        if self.here in "$@('\"[{0123456789!,+-" or self.match(re.compile(r"-(not|bnot|join|split)\b|\.\d", re.I)):
            return self.expression()
        at = self.at
        operator = ""
        if self.here in "&." and self.here:
            operator = self.here
            self.at += 1
            self.space()
            return self.command_tail(at, self.postfix() if self.here in "$('\"{" else self.bare_word(), operator)
        return self.command_tail(at, self.bare_word(), "")

    def command_tail(self, at: int, name: tree.Node, operator: str) -> tree.Command:
        """Arguments and redirections."""
        command = tree.Command(at, name, [], operator)
        while True:
            self.space()
            if not self.here or self.here in "\n;|)}":
                return command
            where = self.at
            if redirection := self.match(REDIRECTION):
                self.at = redirection.end()
                command.redirections.append(tree.Redirection(where, redirection[1] or "1", redirection[0].endswith("&1")))
            elif parameter := self.match(PARAMETER):
                self.at = parameter.end()
                value = None
                if parameter[2]:
                    self.space()
                    value = self.argument()
                command.arguments.append(tree.Argument(where, parameter[1], value))
            else:
                command.arguments.append(tree.Argument(where, None, self.argument()))

    def argument(self) -> tree.Node:
        """A value, perhaps an array of them."""
        at = self.at
        items = [self.single_argument()]
        while True:
            before = self.at
            self.space()
            if not self.take(","):
                self.at = before
                return items[0] if len(items) == 1 else tree.Array(at, items)
            self.space(lines=True)
            items.append(self.single_argument())

    def single_argument(self) -> tree.Node:
        """A quoted or bracketed value with members, a variable, or a bare word (in which variables are expanded)."""
        if splatted := self.match(SPLATTED):
            self.at = splatted.end()
            return tree.Variable(splatted.start(), splatted[1], splatted=True)
        if self.here in "('\"{" or self.sees("@(") or self.sees("@{") or self.sees("$("):
            value = self.members(self.primary())
        elif self.here == "$" and self.match(VARIABLE):
            start = self.at
            value = self.members(self.primary())
            if self.here and self.here not in ENDS_ARGUMENT:
                self.at = start
                return self.bare_word()
        else:
            return self.bare_word()
        if self.here and self.here not in ENDS_ARGUMENT:
            raise self.fail("not supported by the twin: a word that continues a quoted argument")
        return value

    def bare_word(self) -> tree.Node:
        """An unquoted word."""
        at = self.at
        parts: list[str | tree.Node] = []
        text: list[str] = []
        while self.here and self.here not in ENDS_ARGUMENT:
            if self.here == "`":
                text.append(self.source[self.at + 1 : self.at + 2])
                self.at += 2
            elif self.here == '"':
                quoted = self.double_quoted()
                inner = quoted.parts if isinstance(quoted, tree.Expandable) else [str(getattr(quoted, "value", ""))]
                parts += ["".join(text), *inner]
                text = []
            elif self.here == "$" and self.match(VARIABLE):
                parts += ["".join(text), self.members(self.primary())]
                text = []
            elif self.here in "({'":
                raise self.fail(f"not supported by the twin: {self.here!r} inside a word")
            else:
                text.append(self.here)
                self.at += 1
        word = simple(tree.Expandable(at, [part for part in [*parts, "".join(text)] if part != ""]))
        if isinstance(word, tree.Literal):
            if word.value == "":
                raise self.fail("a command or an argument was expected")
            word.bare = True
            number = NUMBER.fullmatch(str(word.value))
            if number and (number[1] or str(read_number(number)) == word.value):
                return tree.Literal(at, read_number(number), bare=True)
        return word
