"""eapol_test: the EAP peer of wpa_supplicant, over RADIUS, as a program that says in the end whether it was let in and both ends have one key."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from freeradius_server import RadiusEnd

from lab.errors import HostError

PATIENCE_S = 20
"""30 ms measured; a loaded CI machine has taken 10 times as long."""
REQUEST = re.compile(r"(?m)^EAP: Received EAP-Request id=\d+ method=(\d+) ")
"""The first of them asks for the identity."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network block of wpa_supplicant.conf(5)."""

    eap: str
    identity: str = "alice"
    password: str = ""
    certificate: tuple[Path, Path] | None = None
    roots: Path | None = None
    inner: str = ""
    fragment: int = 0
    """Octets of TLS in a packet of the peer's; 0 for its own choice, 1398."""

    def lines(self) -> str:
        """Return the file."""
        given = {
            "identity": self.identity, "password": self.password, "ca_cert": self.roots or "", "phase2": self.inner,
            "client_cert": self.certificate[0] if self.certificate else "", "private_key": self.certificate[1] if self.certificate else "",
        }
        lines = [f'{name}="{value}"' for name, value in given.items() if value]
        if self.fragment:
            lines.append(f"fragment_size={self.fragment}")
        return "\n".join(["network={", "key_mgmt=IEEE8021X", f"eap={self.eap}", *lines, "}", ""])


@dataclass(frozen=True, slots=True)
class Said:
    """What eapol_test has to say."""

    accepted: bool
    keys_equal: bool
    """Both halves of the key are what the RADIUS server sends."""
    text: str

    @property
    def methods(self) -> list[int]:
        """The methods that it was asked for, in order, once in a row."""
        asked = [int(kind) for kind in REQUEST.findall(self.text)]
        return [kind for before, kind in pairwise(asked) if kind != before]


def eapol_test(end: RadiusEnd, network: Network, folder: Path) -> Said:
    """Let it authenticate itself. Raises HostError when it is not installed."""
    (folder / "network").write_text(network.lines(), encoding="utf-8")
    command = ["eapol_test", "-c", str(folder / "network"), "-a", "127.0.0.1", "-p", str(end.port), "-s", end.secret.decode(), "-t", str(PATIENCE_S)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise HostError("there is no eapol_test, which examines fixtures/eaphost", hint="ci/install-packages tests") from error
    last = done.stdout.strip().splitlines()[-1]
    assert last in {"SUCCESS", "FAILURE"}, done.stdout[-2000:]
    return Said(done.returncode == 0 and last == "SUCCESS", "MPPE keys OK: 1  mismatch: 0" in done.stdout, done.stdout)
