"""The way to an agent: a duplex stream of lines. Over one kept SSH connection, or (in tests) to a local process."""

from __future__ import annotations

import base64
import contextlib
import subprocess
from collections.abc import Iterable
from typing import Protocol

import paramiko

from lab import budgets
from lab.backends.base import SSHEndpoint
from lab.errors import LinkLost
from lab.waiting import Deadline

AGENT = "python3 -S -E /run/lab/code/lab/probe/agent/main.py"
"""-S and -E: no site module, no environment; only what the agent imports is paid for."""


class Channel(Protocol):
    """What the probe needs."""

    def send(self, line: bytes) -> None:
        """Send one line. Raises OSError when the other end is gone."""

    def lines(self) -> Iterable[bytes]:
        """Return the lines as they come; their end means that the agent is gone."""

    def close(self) -> None:
        """Close it; the agent ends."""


def connect(endpoint: SSHEndpoint, host: str) -> paramiko.SSHClient:
    """Log in with the run's key; the host's key must be the pinned one.

    Raises:
        LinkLost: the host cannot be reached, or is not the one that it should be.
    """
    client = paramiko.SSHClient()
    if endpoint.host_key:
        kind, encoded = endpoint.host_key.split()[:2]
        key = paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
        known = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
        client.get_host_keys().add(known, kind, key)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
    else:
        client.set_missing_host_key_policy(_BelieveTheFirst())
    deadline = Deadline(budgets.SSH_LOGIN)
    try:
        client.connect(
            endpoint.address, endpoint.port, endpoint.user, key_filename=str(endpoint.key_file), look_for_keys=False,
            allow_agent=False, timeout=deadline.remaining, banner_timeout=deadline.remaining, auth_timeout=deadline.remaining,
        )
    except (OSError, paramiko.SSHException, EOFError) as error:
        client.close()
        raise LinkLost(f"{host}: SSH to {endpoint.address}:{endpoint.port} failed: {error}") from error
    return client


class _BelieveTheFirst(paramiko.MissingHostKeyPolicy):
    """For a machine whose key nobody knows yet: believed within this connection; `host_key_of` tells it, to be pinned."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Take it."""


def host_key_of(client: paramiko.SSHClient) -> str:
    """Return the key that the other end of a connection showed, as in known_hosts."""
    transport = client.get_transport()
    if transport is None:
        raise LinkLost("the connection is closed, its host key cannot be told")
    key = transport.get_remote_server_key()
    return f"{key.get_name()} {key.get_base64()}"


class SSHChannel:
    """An agent at the other end of an SSH connection."""

    def __init__(self, client: paramiko.SSHClient, enter: str = "") -> None:
        """Start the agent; `enter` is the command that leads from the login into the host."""
        transport = client.get_transport()
        if transport is None:
            raise LinkLost("the SSH connection is closed")
        self._channel = transport.open_session()
        self._channel.exec_command(f"{enter} {AGENT}".lstrip())
        self._input = self._channel.makefile_stdin("wb", 0)
        self._output = self._channel.makefile("rb", 1 << 16)

    def send(self, line: bytes) -> None:
        """Send one line."""
        self._input.write(line)

    def lines(self) -> Iterable[bytes]:
        """Return the agent's output."""
        return self._output

    def last_words(self) -> str:
        """Return what the agent wrote to its standard error so far."""
        data = b""
        while self._channel.recv_stderr_ready():
            data += self._channel.recv_stderr(1 << 16)
        return data.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the session, not the connection. Of a connection that broke there is nothing left to close."""
        with contextlib.suppress(EOFError, OSError):  # EOFError: what paramiko says when it cannot send its goodbye
            self._channel.close()


class LocalChannel:
    """An agent as a child process of this machine."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, line: bytes) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def lines(self) -> Iterable[bytes]:
        """Return the agent's output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def last_words(self) -> str:
        """Standard error is not ours here."""
        return ""

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait(5)
