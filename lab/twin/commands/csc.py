r"""csc.exe of .NET Framework 4: compiles sources that lie on the machine to a program that lies there afterwards.

It is not on the path: scripts call it by its full one. Options are those that a step gives; others that csc has are refused by the twin, and
what csc does not know it refuses itself (CS2007).
Source: learn.microsoft.com, C# compiler options and messages (CS0016, CS1617, CS2001, CS2005, CS2007, CS2008, CS5001); `/langversion` knows up to 5 there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from lab.twin.powershell.errors import NotSupportedByTwin, failure
from lab.twin.powershell.registry import NativeResult, native
from lab.twin.windows.csharp import CompilerFailed
from lab.twin.windows.files import COMPILER, PathUnknown, Refused, spelt
from lab.twin.windows.machine import Machine

KNOWN = frozenset({
    "?", "addmodule", "appconfig", "baseaddress", "bugreport", "checked", "codepage", "d", "debug", "define", "delaysign", "doc", "errorreport", "filealign",
    "fullpaths", "help", "highentropyva", "incremental", "keycontainer", "keyfile", "l", "langversion", "lib", "link", "linkres", "linkresource", "m", "main",
    "moduleassemblyname", "noconfig", "nologo", "nostdlib", "nowarn", "o", "optimize", "out", "pdb", "platform", "preferreduilang", "r", "recurse", "reference", "res",
    "resource", "subsystemversion", "t", "target", "unsafe", "utf8output", "w", "warn", "warnaserror", "win32icon", "win32manifest", "win32res"})
"""Names of csc's options."""
LANGUAGES = ("iso-1", "iso-2", "3", "4", "5", "default")
CHOICES = {"target": ("winexe", "exe", "library"), "platform": ("x64", "x86", "anycpu")}
TEXTS = ("define", "langversion", "target", "platform")
SHORT = {"d": "define", "o": "optimize", "t": "target"}
T = TypeVar("T")


class Misused(Exception):
    """A command line that csc refuses; the text is what it says."""


@dataclass(slots=True)
class CommandLine:
    """What csc is told."""

    out: str = ""
    options: list[str] = field(default_factory=list)
    """As mcs has them."""
    sources: list[str] = field(default_factory=list)
    quiet: bool = False
    """/nologo."""
    library: bool = False


def read(arguments: Iterable[str]) -> CommandLine:
    """Read a command line. Raises Misused, and NotSupportedByTwin for what csc knows and the twin does not."""
    line = CommandLine()
    for word in arguments:
        if word.startswith("@") or (word[:1] not in "/-" and any(sign in word for sign in "*?")):
            raise NotSupportedByTwin(f"csc.exe with {word} (name every source)")
        if word[:1] not in ("/", "-"):
            line.sources.append(word)
            continue
        written, _, value = word[1:].partition(":")
        bare = written.lower().rstrip("+-")
        name = SHORT.get(bare, bare)
        if name not in KNOWN:
            raise Misused(f"error CS2007: Unrecognized option: '{word}'")
        if name == "optimize" and not value:
            line.options.append(f"-optimize{'-' if written.endswith('-') else '+'}")
        else:
            _take(line, name, value, word)
    return line


def _take(line: CommandLine, name: str, value: str, word: str) -> None:
    if name in ("out", *TEXTS) and not value:
        raise Misused(f"error CS2005: Missing file specification for '{word}' option" if name == "out"
                      else f"error CS2006: Command-line syntax error: Missing '<text>' for '{word}' option")
    if name == "nologo":
        line.quiet = True
    elif name == "out":
        line.out = value
    elif name == "langversion" and value.lower() not in LANGUAGES:
        raise Misused(f"error CS1617: Invalid option '{value}' for /langversion; must be ISO-1, ISO-2, 3, 4, 5 or Default")
    elif name == "define" and all(one.isidentifier() for one in value.replace(",", ";").split(";")):
        line.options.append(f"-define:{value}")
    elif value.lower() in CHOICES.get(name, ()):
        line.library |= value.lower() == "library"
        line.options.append(f"-{name}:{value.lower()}")
    elif name != "langversion" or value.lower() not in ("5", "default"):
        raise NotSupportedByTwin(f"csc.exe {word}")


@native("csc", path=COMPILER)
def csc(arguments: list[str], machine: object, text: str) -> NativeResult:
    """Compile; complaints are output, and the exit code is 1 when there are errors."""
    assert isinstance(machine, Machine)
    if not machine.files.is_file(COMPILER):
        raise failure(f"The term '{COMPILER}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the"
                      " name, or if a path was included, verify that the path is correct and try again.", category="ObjectNotFound", target=COMPILER,
                      exception="System.Management.Automation.CommandNotFoundException", identifier="CommandNotFoundException")
    try:
        line = read(arguments)
        if not line.quiet or not line.out:
            raise NotSupportedByTwin(f"csc.exe without {'/out' if line.quiet else '/nologo'}")
        if not line.sources and line.library:
            raise NotSupportedByTwin("csc.exe that makes a library of no source")
        if not line.sources:
            raise Misused(f"warning CS2008: No source files specified\nerror CS5001: Program '{line.out}' does not contain a static 'Main' method suitable for an"
                          " entry point")
        sources = {path: _about(path, machine.files.read, f"error CS2001: Source file '{path}' could not be found") for path in line.sources}
        compiled = machine.csharp.compile(line.options, sources)
        if compiled.program:
            _about(line.out, lambda path: machine.files.write(path, compiled.program), f"fatal error CS0016: Could not write to output file '{line.out}'")
    except Misused as misused:
        return NativeResult(output=f"{misused}\n".replace("\n", "\r\n"), exit_code=1)
    except CompilerFailed as error:
        raise NotSupportedByTwin(f"csc.exe here ({error})") from error
    said = "".join(f"{one.file}{one.text}\r\n" for one in compiled.complaints)
    return NativeResult(output=said, exit_code=0 if compiled.program else 1)


def _about(path: str, act: Callable[[str], T], complaint: str) -> T:
    """Do something with a file. Raises Misused with what csc says when the file system refuses."""
    try:
        spelt(path)
        return act(path)
    except PathUnknown:
        raise NotSupportedByTwin(f"the path {path!r} for csc.exe") from None
    except Refused as refused:
        raise Misused(complaint + (f" -- '{refused}'" if "CS0016" in complaint else "")) from None
