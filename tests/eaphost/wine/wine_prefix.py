"""A Windows of Wine's with what the EAP host needs: Microsoft's .NET runtime, a proxy of eaphost.idl, and the registration of install-eaphost.ps1.

Rules: everything lies in one folder, and is ended and gone with it; no display is needed. The class, its AppID and the settings are written as
the step writes them, by the names and octets in its script, but for the command: Wine has no .NET Framework that would run the program by itself.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from eaphost_process import SOURCES, mcs

from lab.errors import HostError, InfrastructureError

HERE = Path(__file__).parent
SCRIPT = SOURCES.parent / "windows" / "install-eaphost.ps1"
WINE, SERVER = Path("/usr/lib/wine/wine64"), Path("/usr/lib/wine/wineserver64")
GCC, WIDL = "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-widl"
IDL = "/usr/include/wine/wine/windows"
COMMAND_S = 180
"""One command: the first makes the prefix, 11 s measured."""
RUNTIME = '{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}}}'
CLASSES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes"


class WinePrefix:
    """It, with nothing registered yet. Inside `with` programs can be started in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.runner = ("env", f"WINEPREFIX={folder}/prefix", "WINEDEBUG=-all", str(WINE))
        """What starts a program in it."""
        self.caller = folder / "client.exe"
        """client.c."""
        self.program = folder / "eaphost.exe"
        """The logging build, which is the plain one and a record."""

    def __enter__(self) -> Self:
        """Make it, and compile program, proxy and caller. Raises HostError when something is not installed, InfrastructureError when a command fails."""
        self._run("wine64", [*self.runner, "wineboot", "--init"])
        self._server("--kill")  # in the session that made the prefix, RPCSS finds no local server (seen with Wine 8.0)
        self._begin()
        try:
            mcs(self.program, SOURCES / "core", SOURCES / "windows", options=("-define:RAW_LOG",))
            self.program.with_suffix(".runtimeconfig.json").write_text(RUNTIME)
            self._fetch_runtime()
            self._compile()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    @property
    def record(self) -> Path:
        """What the logging build has recorded."""
        return self._folder / "eaphost-raw.log"

    def register_class(self) -> None:
        """Do what the step's Register-Class does."""
        text = SCRIPT.read_text()
        (class_id,), (app_id,) = re.findall(r"CLSID\\(\{\S+\})'\n", text), re.findall(r"\$appId = '(\S+)'", text)
        launch, access = (base64.b64decode(one).hex(",") for one in re.findall(r"\$(?:launch|access) = '(\S+)'", text))
        command = f'"{_windows(self._folder / "net/dotnet.exe")}" "{_windows(self.program)}"'
        self._write_registry([
            ("", rf"{CLASSES}\CLSID\{class_id}", [f'"AppID"="{app_id}"']),
            ("", rf"{CLASSES}\CLSID\{class_id}\LocalServer32", [f"@={_quoted(command)}"]),
            ("", rf"{CLASSES}\AppID\{app_id}", [f'"LaunchPermission"=hex:{launch}', f'"AccessPermission"=hex:{access}']),
            ("", r"HKEY_LOCAL_MACHINE\SOFTWARE\IncomingConnections\EapHost", ['"Methods"="26,25,13"', '"Passwords"="caller"', '"Certificate"=""']),
        ])
        self._class = rf"{CLASSES}\CLSID\{class_id}"

    def unregister_class(self) -> None:
        """Remove it, and end the program, with all that remembers it."""
        self._write_registry([("-", self._class, [])])
        self._end()
        self._begin()

    def register_proxy(self) -> None:
        """Register the proxy of eaphost.idl."""
        self._run("wine64", [*self.runner, "regsvr32", "/s", str(self._folder / "proxy.dll")])

    def unregister_proxy(self) -> None:
        """Remove it."""
        self._run("wine64", [*self.runner, "regsvr32", "/s", "/u", str(self._folder / "proxy.dll")])

    def call(self) -> str:
        """Return what the caller has to say at its start, with nothing to do. Into a file: the program is Wine's caller's child, and would keep a pipe open."""
        with (self._folder / "said").open("w+") as said:
            subprocess.run([*self.runner, str(self.caller)], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.DEVNULL, check=False, timeout=COMMAND_S)
            said.seek(0)
            return said.read().strip()

    def servers(self) -> list[int]:
        """Return the processes that run the program."""
        found = subprocess.run(["pgrep", "--full", f"^{re.escape(_windows(self._folder))}.*eaphost"], check=False, capture_output=True, text=True)
        return [int(one) for one in found.stdout.split()]

    # -- how ------------------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Wine's services live as long as any program, and would keep the pipes of the one that started them."""
        self._keeper = subprocess.Popen([*self.runner, "cmd"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _end(self) -> None:
        """End every program in it."""
        self._server("--kill")
        self._keeper.communicate(timeout=COMMAND_S)

    def _server(self, option: str) -> None:
        subprocess.run([*self.runner[:-1], str(SERVER), option], check=False, capture_output=True, timeout=COMMAND_S)

    def _write_registry(self, keys: Sequence[tuple[str, str, list[str]]]) -> None:
        lines = ["Windows Registry Editor Version 5.00"]
        for sign, key, values in keys:
            lines += ["", f"[{sign}{key}]", *values]
        (self._folder / "settings.reg").write_text("\r\n".join([*lines, ""]))
        self._run("wine64", [*self.runner, "regedit", "/S", str(self._folder / "settings.reg")])

    def _fetch_runtime(self) -> None:
        self._run("pip", [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:",
                          "--platform", "win_amd64", "--dest", str(self._folder), "--requirement", str(HERE / "requirements.txt")])
        with zipfile.ZipFile(next(self._folder.glob("*.whl"))) as wheel:
            wheel.extractall(self._folder / "wheel")
        shutil.move(self._folder / "wheel" / "dotnetcore2" / "bin", self._folder / "net")

    def _compile(self) -> None:
        """MIDL's way: what the compiler writes is a table for the system's interpreter (-Oicf), not code."""
        for option, file in (("-h", "eaphost.h"), ("-p", "eaphost_p.c"), ("-u", "eaphost_i.c")):
            self._run("mingw-w64-tools", [WIDL, "-Oicf", "--win64", f"-I{IDL}", option, "-o", file, str(HERE / "eaphost.idl")])
        self._run("mingw-w64-tools", [WIDL, "--dlldata-only", "-o", "dlldata.c", "eaphost"])
        self._run("gcc-mingw-w64-x86-64-win32", [GCC, "-shared", "-DREGISTER_PROXY_DLL", "-DWIN32", "-D_WIN32_WINNT=0x601", "-include", str(HERE / "proxy.h"), "-o", "proxy.dll",
                                                 "eaphost_p.c", "eaphost_i.c", "dlldata.c", "-lrpcrt4", "-lole32", "-luuid"])
        self._run("gcc-mingw-w64-x86-64-win32", [GCC, "-O1", "-Wall", "-Werror", "-I.", "-o", "client.exe", str(HERE / "client.c"), "eaphost_i.c", "-lole32", "-luuid"])

    def _run(self, package: str, command: Sequence[str]) -> None:
        with (self._folder / "output").open("w+") as output:  # no pipe: Wine's services, which outlive the command, would keep it open
            try:
                done = subprocess.run(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, timeout=COMMAND_S)
            except FileNotFoundError as error:
                raise HostError(f"there is no {command[0]}, of Debian's {package}", hint="ci/install-packages wine") from error
        if done.returncode != 0:
            raise InfrastructureError(f"{Path(command[0]).name} ended with {done.returncode}: {' '.join(command)}", evidence=(self._folder / "output").read_text(errors="replace")[-3000:])


def _windows(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
