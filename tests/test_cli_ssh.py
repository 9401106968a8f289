"""What `lab ssh` tells OpenSSH's client: the way, the key that is believed, and how one gets from a machine into a host."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.backends.base import SSHEndpoint
from lab.cli.ssh import ssh_command

GUEST = SSHEndpoint(address="127.0.0.1", port=40022, user="root", key_file=Path("/run/key"), host_key="ssh-ed25519 AAAA")
MACHINE = SSHEndpoint(address="192.168.131.20", port=22, user="vagrant", key_file=Path("/a key"), host_key="", enter="sudo -n sh /run/lab/enter client2")
STATE = Path("/state/lab3f2a91")


@pytest.mark.parametrize(("endpoint", "believed"), [
    (GUEST, ["-oStrictHostKeyChecking=yes", "-oUserKnownHostsFile=/dev/null", "-oKnownHostsCommand=/bin/echo [127.0.0.1]:40022 ssh-ed25519 AAAA"]),
    (replace(GUEST, port=22), ["-oStrictHostKeyChecking=yes", "-oKnownHostsCommand=/bin/echo 127.0.0.1 ssh-ed25519 AAAA"]),
    (MACHINE, ["-oStrictHostKeyChecking=accept-new", "-oUserKnownHostsFile=/state/lab3f2a91/known_hosts"]),
], ids=["pinned", "pinned, on the usual port", "not known yet"])  # fmt: skip
def test_which_key_is_believed(endpoint: SSHEndpoint, believed: list[str]) -> None:
    command = ssh_command(endpoint, "", STATE)
    assert set(believed) <= set(command)
    assert ("accept-new" in " ".join(command)) is (not endpoint.host_key)
    assert command[command.index("-i") + 1] == str(endpoint.key_file)
    assert command[command.index("-p") + 1] == str(endpoint.port)


@pytest.mark.parametrize(("endpoint", "command", "terminal", "said"), [
    (GUEST, "", False, None),
    (GUEST, "ip neigh | head", False, "ip neigh | head"),
    (MACHINE, "", True, "sudo -n sh /run/lab/enter client2 bash -l"),
    (MACHINE, "ip neigh | head -n 'a b'", False, None),
], ids=["a shell", "a command", "a shell in a host on a machine", "a command in a host on a machine"])  # fmt: skip
def test_what_is_run(endpoint: SSHEndpoint, command: str, terminal: bool, said: str | None) -> None:
    whole = ssh_command(endpoint, command, STATE)
    login = whole.index(f"{endpoint.user}@{endpoint.address}")
    assert ("-t" in whole) is terminal
    if said is not None:
        assert whole[login + 1 :] == [said]
    elif not command:
        assert whole[login + 1 :] == []
    else:
        words = shlex.split(whole[login + 1])
        assert words[:-1] == [*endpoint.enter.split(), "sh", "-c"]
        assert words[-1] == command


def test_a_pipe_is_run_whole_inside_the_host() -> None:
    """Not half of it on the machine: a shell that runs what is sent, as sshd's does, sees one word."""
    endpoint = replace(MACHINE, enter="env WHERE=inside")
    sent = ssh_command(endpoint, 'echo "$WHERE" | tr a-z A-Z; echo "$WHERE"', STATE)[-1]
    assert subprocess.run(["sh", "-c", sent], capture_output=True, text=True, check=True).stdout == "INSIDE\ninside\n"
