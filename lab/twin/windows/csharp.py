r"""What the twin's csc.exe compiles with: Mono's mcs, held to C# 5.

Sources of the EAP host are compiled twice at once: as they arrived, to the program that Windows would run; and their folder `core` together with
our Linux face (fixtures/eaphost/linux), to a program that Mono runs here. The second is found by the content of the first (`build_of`), so a
program that was altered by a byte, or was compiled elsewhere, has none.

What is compiled is kept, by options and sources, as long as the twin runs, and a reset does not forget it: the same step again compiles nothing.
Numbers and places of complaints are mcs's, which are csc's for what both know; their words are mcs's.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FACE = Path(__file__).parents[3] / "fixtures" / "eaphost" / "linux"
"""Sources of the Linux face: shipped with the twin, never over WinRM."""
CORE = "core"
"""Folder of the arrived sources that both faces have in common."""
PATIENCE_S = 300.0
"""A compiler that hangs: 2.5 s measured in the guest, more than 50 s on an emulated processor with a load of 6 beside. Whoever sent the script
has a deadline of his own, which is shorter where it matters."""
COMPLAINT = re.compile(r"(?:(?P<file>/.*\.cs)(?P<place>\(\d+,\d+\)): )?(?P<what>(?:fatal )?error|warning) (?P<number>CS\d{4}): (?P<text>.*)")  # /a/1.cs(1,2): error CS1519: …


class CompilerFailed(Exception):
    """The compiler itself did not work: it is missing, was killed, or took too long."""


class NotBuilt(Exception):
    """There is no Linux face of a program; the text says why."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What the compiler says of the sources."""

    file: str
    """Path as it was given; "" when it is about no file."""
    text: str
    """(LINE,COLUMN): error CSNNNN: words; without the place when it is about none."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of it."""

    program: bytes
    """Empty when the sources have errors."""
    complaints: tuple[Complaint, ...]


class CSharp:
    """The compiler, with what it has compiled."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        """Where programs lie; None: in a temporary folder that goes with this object."""
        self._compiled: dict[str, Compiled] = {}
        self._builds: dict[str, Path | str] = {}
        """By the SHA-256 of a program: its Linux face, or why there is none."""

    def compile(self, options: Sequence[str], sources: Mapping[str, bytes]) -> Compiled:
        """Compile.

        Args:
            options: mcs's, but for language and output.
            sources: content by path.

        Raises:
            CompilerFailed: nothing is known of the sources.
        """
        key = hashlib.sha256(repr((sorted(options), sorted(sources.items()))).encode()).hexdigest()
        if key not in self._compiled:
            self._compiled[key] = self._compile(options, sources)
        return self._compiled[key]

    def build_of(self, program: bytes) -> Path:
        """Return the Linux face of a compiled program. Raises NotBuilt."""
        found = self._builds.get(hashlib.sha256(program).hexdigest(), "it was not compiled by this machine's csc.exe")
        if isinstance(found, str):
            raise NotBuilt(found)
        return found

    def _compile(self, options: Sequence[str], sources: Mapping[str, bytes]) -> Compiled:
        import tempfile  # noqa: PLC0415 - only who compiles needs it

        with tempfile.TemporaryDirectory(dir=self._home()) as made:
            work = Path(made)
            core = {path: content for path, content in sources.items() if path.replace("/", "\\").lower().split("\\")[-2:-1] == [CORE]}
            defined = [one for one in options if one.startswith("-define:")]
            with _Run(work / "windows", options, sources) as windows:
                if core:
                    with _Run(work / "linux", ["-optimize+", *defined], core | _face()) as linux:
                        compiled, other = windows.ended(), linux.ended()
                else:
                    compiled, other = windows.ended(), None
            if compiled.program:
                self._keep(hashlib.sha256(compiled.program).hexdigest(), other)
        return compiled

    def _keep(self, name: str, face: Compiled | None) -> None:
        if face is None:
            self._builds[name] = "its sources have no folder core"
        elif not face.program:
            self._builds[name] = f"its core does not fit the twin's Linux face: {next(one.text for one in face.complaints if 'error CS' in one.text)}"
        else:
            target = self._home() / name / "eaphost.exe"
            target.parent.mkdir(mode=0o700, exist_ok=True)
            target.write_bytes(face.program)
            self._builds[name] = target

    def _home(self) -> Path:
        if self._folder is None:
            import tempfile  # noqa: PLC0415 - only tests have no folder

            self._temporary = tempfile.TemporaryDirectory(prefix="csc-")
            self._folder = Path(self._temporary.name)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder


def _face() -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(FACE.glob("*.cs"))}


class _Run:
    """One run of mcs, under way. Raises CompilerFailed when it cannot be started."""

    def __init__(self, folder: Path, options: Sequence[str], sources: Mapping[str, bytes]) -> None:
        folder.mkdir(mode=0o700)
        self._names = {str(folder / f"{number}.cs"): path for number, path in enumerate(sources)}
        for name, path in self._names.items():
            Path(name).write_bytes(sources[path])
        self._target = folder / "out"
        command = ["mcs", "-nologo", "-langversion:5", *options, f"-out:{self._target}", *self._names]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as error:
            raise CompilerFailed(f"mcs cannot be started: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def ended(self) -> Compiled:
        """Wait for its end. Raises CompilerFailed."""
        try:
            said, _ = self._process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise CompilerFailed(f"mcs took more than {PATIENCE_S:.0f} s") from None
        found = [one for one in map(COMPLAINT.fullmatch, said.splitlines()) if one]
        complaints = tuple(Complaint(self._names.get(one["file"] or "", ""), f"{one['place'] or ''}{': ' if one['place'] else ''}{one['what']} {one['number']}: {one['text']}")
                           for one in found)
        if self._process.returncode == 0:
            return Compiled(self._target.read_bytes(), complaints)
        if not any("error" in one["what"] for one in found):
            raise CompilerFailed(f"mcs ended with code {self._process.returncode}: {said[-500:]}")
        return Compiled(b"", complaints)
