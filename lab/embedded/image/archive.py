"""Where the guest's packages come from: the archive that this machine's apt uses, when that is Debian's; else mmdebstrap's own.

The host may run another release, so only the archives' addresses are taken, and the suites are the guest's. mmdebstrap does not
read the host's apt.conf: proxy, TLS and validity settings are handed over.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.embedded.image.recipe import SUITE

VARIABLE = "LAB_DEBIAN_MIRROR"
"""Overrides: address of a Debian mirror, as in a sources.list line."""
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HANDED_OVER = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries")


def sources() -> list[str]:
    """Return the guest's sources.list lines; empty means mmdebstrap's default for the suite."""
    if mirror := os.environ.get(VARIABLE):
        return [_line(mirror, SUITE)]
    suites = {"Debian": SUITE, "Debian-Security": f"{SUITE}-security"}
    lines: list[str] = []
    for target in _targets():
        origin, label, address = target.split("|", 2)
        if origin == "Debian" and label in suites and (line := _line(address, suites[label])) not in lines:
            lines.append(line)
    return lines if any(line.split()[-2] == SUITE for line in lines) else []


def _line(address: str, suite: str) -> str:
    return f"deb [signed-by={KEYRING}] {address} {suite} main"


def _targets() -> list[str]:
    """Return origin, label and address of everything that apt has lists of; empty where there is no apt."""
    return sorted(set(_output(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Identifier: Packages"])))


def apt_options() -> list[str]:
    """Return mmdebstrap's --aptopt arguments that carry the host's settings over."""
    lines = _output(["apt-config", "dump", "--no-empty", "--format", '%f "%v"%n', "Acquire"])
    return [f"--aptopt={line}" for line in lines if line.startswith(HANDED_OVER)]


def _output(command: list[str]) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [line for line in done.stdout.splitlines() if line.strip()]
