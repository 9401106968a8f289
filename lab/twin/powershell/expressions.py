"""Expressions: precedence, primaries, members, strings.

Precedence from loose to tight: -and -or -xor; -band -bor -bxor; comparisons; + -; * / %; -f; ..; , ; unary and casts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.twin.powershell import tree
from lab.twin.powershell.numbers import Int64, fits
from lab.twin.powershell.scanner import ESCAPES, NUMBER, TYPE, TYPOGRAPHIC, VARIABLE, WORD, Scanner

COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch", "contains", "notcontains", "in",
               "notin", "replace", "split", "join", "isnot", "is", "as")
LEVELS: list[re.Pattern[str]] = [
    re.compile(r"-(and|or|xor)(?!\w)", re.I),
    re.compile(r"-(band|bor|bxor|shl|shr)(?!\w)", re.I),
    re.compile(rf"-([ci]?(?:{'|'.join(COMPARISONS)}))(?!\w)", re.I),
    re.compile(r"(\+(?![+=])|-(?![-=A-Za-z]))"),
    re.compile(r"([*/%])(?!=)"),
    re.compile(r"-(f)(?!\w)", re.I),
    re.compile(r"(\.\.)"),
]
UNARY = re.compile(r"-(not|bnot|join|split)(?!\w)|(!)|(\+\+|--)|([+\-])(?![\s=])", re.I)
MULTIPLES = {"": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
GENERIC = re.compile(r"\[[A-Za-z_][\w.`]*\[[\w., \[\]]*\]\]")  # [List[string]] [int[][]]
AFTER_NUMBER = re.compile(r"\.[A-Za-z_]")
CASTABLE = re.compile(r"-(?:[\d$(.]|(?:not|bnot|join|split)(?!\w))|\.\d", re.I)  # [int] -5
HERE_STRING = re.compile(r"@(['\"])[ \t]*\n")


class ExpressionParser(Scanner):
    """Parses expressions; statements are the subclass's."""

    commas_join = True
    """Whether a comma makes an array here; between a method's arguments it does not."""

    def statements(self, end: str) -> list[tree.Node]:
        """Statements up to one of the characters in `end`."""
        raise NotImplementedError  # `parser.Parser` has it

    def block(self) -> tree.Block:
        """A script block in braces."""
        raise NotImplementedError  # `parser.Parser` has it

    def statement(self) -> tree.Node:
        """One statement."""
        raise NotImplementedError  # `parser.Parser` has it

    def pipeline(self) -> tree.Node:
        """An assignment, or elements joined by |."""
        raise NotImplementedError  # `words.CommandParser` has it

    # -- operators ----------------------------------------------------------------------------------------------------

    def expression(self, level: int = 0) -> tree.Node:
        """An expression with operators of a level or tighter."""
        if level == len(LEVELS):
            return self.array()
        at = self.at
        left = self.expression(level + 1)
        while True:
            self.space()
            operator = self.match(LEVELS[level])
            if not operator:
                return left
            self.at = operator.end()
            self.space(lines=True)
            left = tree.Binary(at, operator[1].lower(), left, self.expression(level + 1))

    def array(self) -> tree.Node:
        """Items joined by commas."""
        at = self.at
        if self.take(","):
            self.space(lines=True)
            return tree.Array(at, [self.unary()])
        items = [self.unary()]
        while True:
            self.space()
            if not self.commas_join or not self.take(","):
                break
            self.space(lines=True)
            items.append(self.unary())
        return items[0] if len(items) == 1 else tree.Array(at, items)

    def unary(self) -> tree.Node:
        """An operator or a cast before an operand."""
        at = self.at
        operator = self.match(UNARY)
        if operator and not NUMBER.match(self.source, operator.end() if operator[4] else self.at):
            self.at = operator.end()
            self.space()
            return tree.Unary(at, (operator[1] or operator[2] or operator[3] or operator[4]).lower(), self.unary())
        if operator and operator[4]:
            self.at = operator.end()
            return tree.Unary(at, operator[4], self.unary())
        cast = self.match(TYPE)
        if cast and self.source[cast.end() : cast.end() + 2] != "::":
            self.at = cast.end()
            self.space()
            if (self.here and self.here in "$@('\"[{0123456789!") or self.match(CASTABLE):
                return tree.Cast(at, cast[1], self.unary())
            self.at = cast.end()
            return self.members(tree.Type(at, cast[1]))
        return self.postfix()

    def postfix(self) -> tree.Node:
        """A primary with members behind it, perhaps ++ or --."""
        at = self.at
        value = self.members(self.primary())
        for operator in ("++", "--"):
            if self.take(operator):
                return tree.Unary(at, operator, value, postfix=True)
        return value

    # -- primaries ----------------------------------------------------------------------------------------------------

    def primary(self) -> tree.Node:
        """A literal, variable, or something in brackets."""
        at = self.at
        if here := self.match(HERE_STRING):
            return self.here_string(here)
        for opening, read in (("$(", self.sub_expression), ("@(", self.array_expression), ("@{", self.hash),
                              ("(", self.parenthesis), ("{", self.block), ("'", self.single_quoted), ('"', self.double_quoted)):
            if self.sees(opening):
                before, self.commas_join = self.commas_join, True
                try:
                    return read()
                finally:
                    self.commas_join = before
        if self.match(VARIABLE):
            return self.variable_in_text()
        if self.match(GENERIC):
            raise self.fail("not supported by the twin: generic types and types of arrays of arrays (write an array and +=)")
        if kind := self.match(TYPE):
            self.at = kind.end()
            return tree.Type(at, kind[1])
        if number := self.match(NUMBER):
            self.at = number.end()
            if self.match(AFTER_NUMBER):
                raise self.fail("a number with a member behind it (write parentheses around the number)", at)
            return tree.Literal(at, read_number(number, self.fail))
        if self.here in TYPOGRAPHIC and self.here:
            raise self.fail("not supported by the twin: typographic quotes and dashes")
        found = self.source[at : at + 20].split("\n")[0]
        raise self.fail(f"an expression was expected, found {found!r}")

    def variable_in_text(self) -> tree.Node:
        """$name. A colon behind it must belong to a name, as in PowerShell: "$x: y" is an error there."""
        at = self.at
        variable = self.match(VARIABLE)
        assert variable
        self.at = variable.end()
        if not variable[1] and self.here == ":" and not self.sees("::"):
            raise self.fail(f"':' behind ${variable[2]} is not followed by a name (write ${{{variable[2]}}})", at)
        return tree.Variable(at, variable[1] or variable[2])

    def sub_expression(self) -> tree.Node:
        """$( … )."""
        at = self.at
        self.need("$(")
        body = self.statements(")")
        self.need(")")
        return tree.SubExpression(at, body)

    def array_expression(self) -> tree.Node:
        """@( … )."""
        at = self.at
        self.need("@(")
        body = self.statements(")")
        self.need(")")
        return tree.ArrayExpression(at, body)

    def parenthesis(self) -> tree.Node:
        """( … )."""
        at = self.at
        self.need("(")
        self.space(lines=True)
        inner = self.pipeline()
        self.space(lines=True)
        self.need(")")
        return tree.Parenthesis(at, inner)

    def hash(self) -> tree.Node:
        """@{ key = value; … }."""
        at = self.at
        self.need("@{")
        entries: list[tuple[tree.Node, tree.Node]] = []
        while True:
            self.space()
            if entries and self.here not in ("\n", ";", "}"):
                raise self.fail("a ; or the end of the line was expected behind the value")
            self.space(lines=True)
            while self.take(";"):
                self.space(lines=True)
            if self.take("}"):
                return tree.Hash(at, entries)
            word = self.match(WORD)
            key: tree.Node
            if word:
                key = tree.Literal(self.at, word[0])
                self.at = word.end()
            else:
                key = self.postfix()
            self.space()
            self.need("=")
            self.space(lines=True)
            if isinstance(key, tree.Literal) and any(self.same_key(key, known) for known, _ in entries):
                raise self.fail(f"Duplicate keys '{key.value}' are not allowed in hash literals", key.at)
            entries.append((key, self.statement()))

    @staticmethod
    def same_key(key: tree.Literal, other: tree.Node) -> bool:
        """Whether two literal keys are one."""
        return isinstance(other, tree.Literal) and type(key.value) is type(other.value) and str(key.value).lower() == str(other.value).lower()

    def members(self, target: tree.Node) -> tree.Node:
        """.name .name(…) ::name [index], without space between."""
        while True:
            at = self.at
            static = self.sees("::")
            if static or (self.here == "." and re.match(r"[A-Za-z_$'\"(]", self.source[self.at + 1 : self.at + 2])):
                self.at += 2 if static else 1
                word = self.match(WORD)
                name: tree.Node
                if word:
                    name = tree.Literal(self.at, word[0])
                    self.at = word.end()
                else:
                    name = self.primary()
                if self.here == "(":
                    target = tree.Call(at, target, name, self.arguments(), static)
                else:
                    target = tree.Member(at, target, name, static)
            elif self.here == "[" and not isinstance(target, tree.Type):
                self.at += 1
                self.space(lines=True)
                before, self.commas_join = self.commas_join, True
                index = self.expression()
                self.commas_join = before
                self.space(lines=True)
                self.need("]")
                target = tree.Index(at, target, index)
            else:
                return target

    def arguments(self) -> list[tree.Node]:
        """( a, b ) of a method."""
        self.need("(")
        found: list[tree.Node] = []
        self.space(lines=True)
        while not self.take(")"):
            argument = self.expression_without_comma()
            found.append(argument)
            self.space(lines=True)
            if not self.take(","):
                self.need(")")
                return found
            self.space(lines=True)
        return found

    def expression_without_comma(self) -> tree.Node:
        """An argument: commas separate arguments here, not array items."""
        before, self.commas_join = self.commas_join, False
        try:
            return self.expression()
        finally:
            self.commas_join = before

    # -- strings ------------------------------------------------------------------------------------------------------

    def here_string(self, opening: re.Match[str]) -> tree.Node:
        """@' … '@ or @" … "@."""
        at = self.at
        end = self.source.find("\n" + opening[1] + "@", opening.end() - 1)
        if end < 0:
            raise self.fail("the here-string has no end")
        content = self.source[opening.end() : end] if end >= opening.end() else ""
        self.at = end + 3
        return tree.Literal(at, self.line_ends(content)) if opening[1] == "'" else self.expand(content, at, opening.end())

    def single_quoted(self) -> tree.Node:
        """'…' with '' for a quote."""
        at = self.at
        found = re.compile(r"'((?:[^']|'')*)'").match(self.source, at)
        if not found:
            raise self.fail("the string has no end")
        self.at = found.end()
        self.check_quotes(found[1], at)
        return tree.Literal(at, self.line_ends(found[1].replace("''", "'")))

    def check_quotes(self, content: str, at: int) -> None:
        """Refuse typographic quotes in a string: PowerShell takes them for its end."""
        if any(sign in TYPOGRAPHIC and sign not in "\u2013\u2014\u2015" for sign in content):
            raise self.fail("not supported by the twin: typographic quotes in a string (write a here-string)", at)

    def line_ends(self, content: str) -> str:
        """Return a string of several lines with the ends of lines that the source has."""
        return content.replace("\n", "\r\n") if self.crlf else content

    def double_quoted(self) -> tree.Node:
        """"…" with variables and $( … )."""
        at = self.at
        self.at += 1
        parts = self.string_parts('"')
        self.check_quotes("".join(part for part in parts if isinstance(part, str)), at)
        self.need('"')
        return simple(tree.Expandable(at, parts))

    def string_parts(self, end: str) -> list[str | tree.Node]:
        """Texts and expressions up to a quote (empty: the end of the source)."""
        parts: list[str | tree.Node] = []
        text: list[str] = []
        while self.at < len(self.source):
            character = self.here
            if end and character == end:
                if not self.sees(end * 2):
                    break
                text.append(end)
                self.at += 2
            elif character == "`":
                escaped = self.source[self.at + 1 : self.at + 2]
                text.append(ESCAPES.get(escaped, escaped))
                self.at += 2
            elif character == "$" and (self.sees("$(") or self.match(VARIABLE)):
                parts += ["".join(text), self.sub_expression() if self.sees("$(") else self.variable_in_text()]
                text = []
            else:
                text.append(self.line_ends(character))
                self.at += 1
        parts.append("".join(text))
        return [part for part in parts if part != ""]

    def expand(self, content: str, at: int, offset: int) -> tree.Node:
        """Parse the inside of a double-quoted here-string."""
        inner = type(self)(" " * offset + content)
        inner.at, inner.crlf = offset, self.crlf
        return simple(tree.Expandable(at, inner.string_parts("")))


def simple(string: tree.Expandable) -> tree.Node:
    """Return a literal when there is nothing to expand."""
    if all(isinstance(part, str) for part in string.parts):
        return tree.Literal(string.at, "".join(str(part) for part in string.parts))
    return string


def read_number(found: re.Match[str], fail: Callable[[str], Exception]) -> int | float:
    """Return the value of a number literal. `fail` makes the error for one of a type that the twin does not have."""
    multiple = MULTIPLES[(found[4] or "").lower()]
    suffix = (found[3] or "").lower()
    if suffix == "d":
        raise fail("not supported by the twin: Decimal numbers (1.5d)")
    if found[1]:
        digits = len(found[1].lstrip("0"))
        value = int(found[1], 16)
        if digits == 8 and value >= 1 << 31 and not suffix:
            value -= 1 << 32  # 0xFFFFFFFF is the Int32 -1
        elif digits == 16 and value >= 1 << 63:
            value -= 1 << 64
    elif "." in found[2] or "e" in found[2].lower():
        if suffix:
            raise fail(f"not supported by the twin: the number {found[0]}")
        return float(found[2]) * multiple
    else:
        value = int(found[2])
    value *= multiple
    if not fits(Int64, value):
        raise fail(f"not supported by the twin: the number {found[0]}, which is no Int64")
    return Int64(value) if suffix == "l" or not fits(int, value) else value
