"""A session with the server over WinRM: one shell, kept; scripts travel by standard input.

The command line is always the same short loader, so no limit of its length matters and no file is left; the script and its
parameters are one JSON text on standard input, read from $input. pywinrm's own loop retries time-outs for ever, so deadlines are
kept here; its Session opens a connection and a shell per command, so its Protocol is used.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import requests.exceptions
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMOperationTimeoutError, WinRMTransportError
from winrm.protocol import Protocol

from lab.backends.base import WinRMEndpoint
from lab.errors import CommandFailed, ConfigError, LinkLost, RemoteTimeout
from lab.probe.probe import JSON
from lab.server.transcript import Transcript
from lab.waiting import Deadline

UTF8 = 65001
PIECE = 100_000
"""Bytes of standard input per message, below the server's envelope (500 KB) in base64."""
OPERATION_S, READ_S = 10, 30
LOADER = """\
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$payload = ($input | Out-String) | ConvertFrom-Json
& ([ScriptBlock]::Create($payload.script)) $payload.parameters
"""
COMMAND = "powershell.exe"
SWITCHES = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-EncodedCommand")
ERROR_TEXT = re.compile(r'<S S="Error">(.*?)</S>', re.S)  # <S S="Error">text_x000D__x000A_</S>
ESCAPED = re.compile(r"_x([0-9A-F]{4})_")  # _x000D_


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command gave back."""

    output: str
    error: str
    exit_code: int


class WindowsSession:
    """One shell on the server. Not for several threads at once."""

    def __init__(
        self, endpoint: WinRMEndpoint, *, transport: Literal["http", "https"] | None = None, transcript: Transcript | None = None
    ) -> None:
        """Describe the session; the first script opens it. Without `transport`, HTTP with message encryption where it is served."""
        self.endpoint, self.transcript = endpoint, transcript or Transcript()
        self.transcript.mask.add(endpoint.password)
        by_certificate = endpoint.certificate is not None and endpoint.key is not None
        transport = transport or ("http" if endpoint.http_port and not by_certificate else "https")
        port = endpoint.http_port if transport == "http" else endpoint.https_port
        if port is None:
            raise ConfigError(f"{endpoint.address} serves no WinRM over {transport.upper()}")
        self._protocol = Protocol(
            f"{transport}://{endpoint.address}:{port}/wsman", username=endpoint.user, password=endpoint.password.reveal(),
            transport="certificate" if by_certificate else "ntlm",
            cert_pem=str(endpoint.certificate) if by_certificate else None, cert_key_pem=str(endpoint.key) if by_certificate else None,
            message_encryption="always" if transport == "http" else "auto", operation_timeout_sec=OPERATION_S, read_timeout_sec=READ_S,
            server_cert_validation="validate" if endpoint.ca_file else "ignore",
            ca_trust_path=str(endpoint.ca_file) if endpoint.ca_file else "legacy_requests",
        )
        self._shell: str | None = None

    def __enter__(self) -> WindowsSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close shell and connection; a server that is gone does not matter. The next script opens them anew."""
        if self._shell is not None:
            with contextlib.suppress(WinRMError, requests.exceptions.RequestException, OSError):
                self._protocol.close_shell(self._shell)
            self._shell = None
        with contextlib.suppress(AttributeError):
            self._protocol.transport.close_session()

    # -- scripts --------------------------------------------------------------------------------------------------------

    def run_script(self, name: str, script: str, parameters: Mapping[str, JSON], deadline: Deadline) -> JSON:
        """Run a script and return the JSON value that it wrote.

        Args:
            name: what the transcript and messages call it.
            script: PowerShell with a param block of one parameter.
            parameters: becomes that parameter, as ConvertFrom-Json makes it.
            deadline: when the script is killed.

        Raises:
            CommandFailed: the script ended with an error, or wrote something else.
            RemoteTimeout: the deadline passed.
            LinkLost: the server cannot be reached.
        """
        began = time.monotonic()
        payload = json.dumps({"script": script, "parameters": parameters})
        encoded = base64.b64encode(LOADER.encode("utf-16-le")).decode()
        done = self._run(name, [*SWITCHES, encoded], payload.encode(), deadline)
        self.transcript.add(name, parameters, done.output or done.error, seconds=time.monotonic() - began)
        if done.exit_code or done.error:
            raise CommandFailed(f"{name}: the script ended with exit code {done.exit_code}",
                                evidence=self.transcript.mask(done.error or done.output))
        try:
            value: JSON = json.loads(done.output)
        except ValueError:
            raise CommandFailed(f"{name}: the script did not answer with JSON", evidence=self.transcript.mask(done.output[:500])) from None
        return value

    def run_powershell(self, text: str, deadline: Deadline) -> Completed:
        """Run a piece of PowerShell as a person would type it; return its text."""
        encoded = base64.b64encode(f"$ProgressPreference = 'SilentlyContinue'\n{text}".encode("utf-16-le")).decode()
        return self._run(text, [*SWITCHES, encoded], None, deadline)

    # -- WinRM ----------------------------------------------------------------------------------------------------------

    def _run(self, name: str, arguments: list[str], stdin: bytes | None, deadline: Deadline) -> Completed:
        try:
            return self._attempt(name, arguments, stdin, deadline)
        except InvalidCredentialsError as error:
            raise LinkLost(f"the server refused user {self.endpoint.user!r} or its password",
                           hint="credentials are made per run; `lab down` and `lab up` make new ones") from error
        except (requests.exceptions.RequestException, WinRMTransportError, OSError) as error:
            self._shell = None
            raise LinkLost(f"WinRM to {self.endpoint.address} broke while running {name}: {type(error).__name__}: {error}") from error
        except WinRMError as error:
            self._shell = None
            raise CommandFailed(f"WinRM refused to run {name}: {error}") from error

    def _attempt(self, name: str, arguments: list[str], stdin: bytes | None, deadline: Deadline) -> Completed:
        if self._shell is None:
            self._shell = self._protocol.open_shell(codepage=UTF8)
        command = self._protocol.run_command(self._shell, COMMAND, arguments)
        try:
            for start in range(0, len(stdin or b""), PIECE):
                piece = (stdin or b"")[start : start + PIECE]
                self._protocol.send_command_input(self._shell, command, piece, end=start + PIECE >= len(stdin or b""))
            return self._collect(name, command, deadline)
        finally:
            with contextlib.suppress(WinRMError):
                self._protocol.cleanup_command(self._shell, command)

    def _collect(self, name: str, command: str, deadline: Deadline) -> Completed:
        assert self._shell is not None
        output, error, code, done = b"", b"", 0, False
        while not done:
            if deadline.expired:
                raise RemoteTimeout(f"{name} did not end within {deadline.budget:.0f} s and was stopped")
            with contextlib.suppress(WinRMOperationTimeoutError):  # nothing came within OPERATION_S: ask again
                more, wrong, code, done = self._protocol.get_command_output_raw(self._shell, command)
                output += more
                error += wrong
        return Completed(output=output.decode("utf-8", "replace"), error=plain_error(error.decode("utf-8", "replace")), exit_code=code)


def plain_error(text: str) -> str:
    """Return standard error as text: powershell.exe writes it as CLIXML, in which progress is noise."""
    if not text.startswith("#< CLIXML"):
        return text
    joined = "".join(ERROR_TEXT.findall(text))
    plain = ESCAPED.sub(lambda found: chr(int(found[1], 16)), joined)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        plain = plain.replace(entity, character)
    return plain.replace("\r\n", "\n").strip()
