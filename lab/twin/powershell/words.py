"""Pipelines, commands and their arguments: the part of the grammar in which words need no quotes."""

from __future__ import annotations

import re

from lab.twin.powershell import tree
from lab.twin.powershell.expressions import ExpressionParser, read_number, simple
from lab.twin.powershell.scanner import ASSIGNMENT, ESCAPES, NUMBER, PARAMETER, TYPOGRAPHIC, VARIABLE

REDIRECTION = re.compile(r"([1-6*])?>(?:&1|\s*\$null)(?!\w)", re.I)
ENDS_ARGUMENT = frozenset(" \t\n;|)}&,")
SPLATTED = re.compile(r"@([A-Za-z_]\w*)")


class CommandParser(ExpressionParser):
    """Commands."""

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
        elif self.match(ASSIGNMENT) and not isinstance(first, tree.Command):
            raise self.fail("the assignment has no variable, property or element on its left")
        elements = [first]
        while True:
            self.space()
            if not self.sees("|") or self.sees("||"):
                break
            self.at += 1
            self.space(lines=True)
            elements.append(self.element())
            if not isinstance(elements[-1], tree.Command):
                raise self.fail("an expression may only be the first element of a pipeline", elements[-1].at)
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
            return self.command_tail(at, self.single_argument() if self.here in "$('\"{" else self.bare_word(), operator)
        return self.command_tail(at, self.bare_word(), "")

    def command_tail(self, at: int, name: tree.Node, operator: str) -> tree.Command:
        """Arguments and redirections."""
        command = tree.Command(at, name, [], operator)
        while True:
            self.space()
            if not self.here or self.here in "\n;|)}":
                return command
            if self.here == "&":
                raise self.fail("not supported by the twin: & behind a command")
            where = self.at
            if self.sees("--%") or (self.sees("--") and self.source[self.at + 2 : self.at + 3] in ("", " ", "\n")):
                raise self.fail("not supported by the twin: -- and --% among arguments")
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
        if self.here and self.here not in ENDS_ARGUMENT and not self.match(REDIRECTION):
            raise self.fail("not supported by the twin: a word that continues a quoted argument")
        return value

    def bare_word(self) -> tree.Node:
        """An unquoted word: variables and $( … ) are expanded in it as in a string, without members."""
        at = self.at
        parts: list[str | tree.Node] = []
        text: list[str] = []
        while self.here and self.here not in ENDS_ARGUMENT:
            if self.here == "`":
                escaped = self.source[self.at + 1 : self.at + 2]
                text.append(ESCAPES.get(escaped, escaped))
                self.at += 2
            elif self.here == '"':
                quoted = self.double_quoted()
                inner = quoted.parts if isinstance(quoted, tree.Expandable) else [str(getattr(quoted, "value", ""))]
                parts += ["".join(text), *inner]
                text = []
            elif self.here == "$" and (self.sees("$(") or self.match(VARIABLE)):
                parts += ["".join(text), self.sub_expression() if self.sees("$(") else self.variable_in_text()]
                text = []
                if self.here == "." and len(parts) == 2 and parts[0] == "":
                    raise self.fail("not supported by the twin: a word that continues a property (put it into quotes, with $( … ))")
            elif self.here in "({'<>" or (self.here == ":" and self.at == at) or self.here in TYPOGRAPHIC:
                what = "typographic quotes and dashes, " if self.here in TYPOGRAPHIC else ""
                raise self.fail(f"not supported by the twin: {what}{self.here!r} {'at the beginning of' if self.at == at else 'inside'} a word")
            else:
                text.append(self.here)
                self.at += 1
        word = simple(tree.Expandable(at, [part for part in [*parts, "".join(text)] if part != ""]))
        return self.number_or_word(word)

    def number_or_word(self, word: tree.Node) -> tree.Node:
        """Return a word as a number if it is one."""
        if not isinstance(word, tree.Literal):
            return word
        text = self.source[word.at : self.at]
        if word.value == "":
            raise self.fail("a command or an argument was expected")
        word.bare = True
        negative = text.startswith("-")
        number = NUMBER.fullmatch(text.removeprefix("-"))
        if number:
            value = read_number(number, self.fail)
            return tree.Literal(word.at, type(value)(-value) if negative else value, bare=True, text=text)
        return word
