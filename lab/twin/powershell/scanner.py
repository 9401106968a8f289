"""The source as the parser sees it: a position, white space, comments, and the language's lexical patterns.

PowerShell has no tokens independent of context (a word is a command's argument or an expression's operand), so there is no
separate token stream.
"""

from __future__ import annotations

import re

from lab.twin.powershell.errors import ParseError

VARIABLE = re.compile(r"\$(?:\{([^}]+)\}|((?:[A-Za-z_]\w*:(?=\w))?\w+|[$?^]))", re.ASCII)  # $x ${a b} $env:X $_ $?
NUMBER = re.compile(r"(?:0x([0-9a-f]+)|(\d+(?:\.(?!\.)\d+)?(?:e[+-]?\d+)?|\.\d+))(l|d)?(kb|mb|gb|tb)?(?!\w)", re.I)  # 0x1F 10MB
PARAMETER = re.compile(r"-([A-Za-z_?][\w?]*)(:)?")  # -Name -Name:
KEYWORD = re.compile(
    r"(if|while|foreach|for|do|switch|try|function|filter|return|throw|exit|break|continue|param|class|enum|trap|data|using"
    r"|workflow|dynamicparam|begin|process|end|configuration)(?![\w\-.\\/:=])", re.I)
ASSIGNMENT = re.compile(r"([+\-*/%])?=(?!=)")
TYPE = re.compile(r"\[([A-Za-z_][\w.]*(?:\[\])?)\]")  # [string] [System.IO.File] [string[]]
WORD = re.compile(r"[A-Za-z_]\w*")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
TYPOGRAPHIC = frozenset("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2013\u2014\u2015")
"""Quotes and dashes that PowerShell takes for ' " and -; the twin refuses them."""
REFUSED = frozenset({"class", "enum", "trap", "data", "using", "workflow", "configuration", "dynamicparam", "filter"})


class Scanner:
    """A position in a source."""

    def __init__(self, source: str) -> None:
        self.source = source.replace("\r\n", "\n")
        self.crlf = "\r\n" in source
        """Strings over several lines keep Windows' ends of lines."""
        self.at = 0

    def fail(self, message: str, at: int | None = None) -> ParseError:
        """Return the error for a place, by default this one."""
        return ParseError(message, self.source, self.at if at is None else at)

    @property
    def here(self) -> str:
        """The character at the position; empty at the end."""
        return self.source[self.at : self.at + 1]

    def sees(self, text: str) -> bool:
        """Whether the text stands here."""
        return self.source.startswith(text, self.at)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the match of a pattern here, without going on."""
        return pattern.match(self.source, self.at)

    def take(self, text: str) -> bool:
        """Go past the text if it stands here."""
        if self.sees(text):
            self.at += len(text)
            return True
        return False

    def need(self, text: str) -> None:
        """Go past the text, which must stand here."""
        if not self.take(text):
            found = self.source[self.at : self.at + 20].split("\n")[0]
            raise self.fail(f"expected {text!r}, found {found!r}" if found else f"expected {text!r}, found the end")

    def space(self, *, lines: bool = False) -> None:
        """Go past white space and comments; past ends of lines too, if asked."""
        source = self.source
        while self.at < len(source):
            character = source[self.at]
            if character in " \t\r\f\ufeff" or (lines and character == "\n"):
                self.at += 1
            elif character == "`" and source.startswith("\n", self.at + 1):
                self.at += 2
            elif source.startswith("<#", self.at):
                end = source.find("#>", self.at)
                if end < 0:
                    raise self.fail("the comment has no end")
                self.at = end + 2
            elif character == "#":
                end = source.find("\n", self.at)
                self.at = len(source) if end < 0 else end
            else:
                return

    def keyword(self) -> str:
        """Return the keyword that stands here, lower case; empty if none does."""
        found = self.match(KEYWORD)
        return found[1].lower() if found else ""
