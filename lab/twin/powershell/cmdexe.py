"""cmd.exe as far as WinRS needs it: words, %VARIABLES%, && and &, | into findstr, redirection to nul, a few built-in commands.

What it would read otherwise (||, ^, parentheses, files) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab.twin.powershell.errors import NotSupportedByTwin

Program = Callable[[str, list[str], str], tuple[str, str, int]]
"""Runs a program: name, arguments, standard input -> output, error, exit code."""
VERSION = "\r\nMicrosoft Windows [Version 10.0.19045.4170]\r\n"
NUL = re.compile(r"\s*(?:1)?>\s*nul\b|\s*2>\s*(?:nul|&1)\b", re.I)


def argument_words(line: str) -> list[str]:
    """Split a command line by the rules of CommandLineToArgvW."""
    words: list[str] = []
    current: list[str] = []
    quoted = begun = False
    place = 0
    while place < len(line):
        character = line[place]
        if character == "\\":
            end = place
            while end < len(line) and line[end] == "\\":
                end += 1
            count, begun = end - place, True
            if end < len(line) and line[end] == '"':
                current.append("\\" * (count // 2))
                if count % 2:
                    current.append('"')
                    end += 1
            else:
                current.append("\\" * count)
            place = end
            continue
        if character == '"':
            quoted, begun = not quoted, True
        elif character in " \t\r\n" and not quoted:
            if begun:
                words.append("".join(current))
                current, begun = [], False
        else:
            current.append(character)
            begun = True
        place += 1
    return [*words, "".join(current)] if begun else words


def _split(line: str, separators: str) -> list[str]:
    """Split at separators outside of quotes."""
    parts = re.split(rf'\s*(?:{separators})\s*(?=(?:[^"]*"[^"]*")*[^"]*$)', line)
    return [part for part in parts if part.strip()]


def run_cmd(line: str, variable: Callable[[str], str | None], program: Program) -> tuple[str, str, int]:
    """Run a command line; return output, error, exit code."""
    bare = NUL.sub("", re.sub(r'"[^"]*"', "", line))
    if strange := re.search(r"\|\||[\^()<>]|(?:^|[&|]\s*)(?:if|for|set|call|goto)\b", bare, re.I):
        raise NotSupportedByTwin(f"{strange[0].strip()!r} in a command line of cmd.exe")
    output = error = ""
    code = 0
    for sequence in _split(line, r"(?<!&)&(?!&)"):
        for part in _split(sequence, "&&"):
            text = ""
            for stage in _split(part, r"\|"):
                text, wrong, code = _one(stage.strip(), text, variable, program)
                error += wrong
            output += text
            if code:
                break
    return output, error, code


def _one(line: str, text: str, variable: Callable[[str], str | None], program: Program) -> tuple[str, str, int]:
    """Run one command."""
    expanded = re.sub(r"%([^%\s]+)%", lambda found: variable(found[1]) or found[0], line)
    silenced = bool(re.search(r"(?:^|\s)(?:1)?>\s*nul\b", expanded, re.I))
    errors_away = bool(re.search(r"2>\s*nul\b", expanded, re.I))
    expanded = NUL.sub("", expanded)
    words = argument_words(expanded)
    if not words:
        return "", "", 0
    name = words[0].lower().rpartition("\\")[2].removesuffix(".exe")
    if name == "cmd":
        inner = re.sub(r'(?i)^\S+\s+(?:/\w\s+)*', "", expanded).strip('"')
        output, error, code = run_cmd(inner, variable, program)
    elif name in BUILT_IN:
        output, error, code = BUILT_IN[name](expanded[len(words[0]):].lstrip(), words[1:], text)
    else:
        output, error, code = program(name, words[1:], text)
    return "" if silenced else output, "" if errors_away else error, code


def _find(rest: str, words: list[str], text: str) -> tuple[str, str, int]:
    """Findstr and find: lines that contain, or with /B begin with, a text."""
    options = [word.lower() for word in words if word.startswith("/") and not word.lower().startswith("/c:")]
    if set(options) - {"/b", "/i"} or len(words) - len(options) != 1:
        raise NotSupportedByTwin(f"findstr {' '.join(words)}")
    pattern = next((word[3:] for word in words if word.lower().startswith("/c:")), words[-1] if words else "")
    if re.search(r"[.*\[\]^$\\]", pattern) or (" " in pattern and not any(word.lower().startswith("/c:") for word in words)):
        raise NotSupportedByTwin(f"findstr with the regular expression {pattern!r}, or several texts")
    begins = any(word.lower() == "/b" for word in words)
    folded = any(word.lower() == "/i" for word in words)
    fold = str.lower if folded else str
    hits = [line for line in text.splitlines()
            if (fold(line).startswith(fold(pattern)) if begins else fold(pattern) in fold(line))]
    return "".join(f"{line}\r\n" for line in hits), "", 0 if hits else 1


BUILT_IN: dict[str, Callable[[str, list[str], str], tuple[str, str, int]]] = {
    "echo": lambda rest, words, text: (rest.rstrip() + "\r\n", "", 0),
    "ver": lambda rest, words, text: (VERSION, "", 0),
    "exit": lambda rest, words, text: ("", "", int(words[-1]) if words and words[-1].isdigit() else 0),
    "chcp": lambda rest, words, text: (f"Active code page: {words[0] if words else 437}\r\n", "", 0),
    "findstr": _find, "find": _find,
}
