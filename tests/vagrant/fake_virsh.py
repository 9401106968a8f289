"""A virsh for the tests: keeps domains, networks and volumes in a JSON file, and refuses whatever it does not know.

Output and errors as virsh 9.0 gives them (test_reap.py compares the lists with the real one, on libvirt's own test driver).
State: {"domains": {name: running}, "networks": {name: active}, "pools": {pool: {volume: base or ""}}, "refuse": [words]}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

Table = dict[str, dict[str, object]]


class Failure(Exception):
    """What virsh prints after "error: "."""


def listing(state: dict[str, Table], words: list[str]) -> str:
    """Answer what only asks."""
    match words:
        case ["list", "--all", "--name"]:
            return "\n".join([*state["domains"], "", ""])
        case ["net-list", "--all", "--name"]:
            return "\n".join([*state["networks"], "", ""])
        case ["pool-list", "--name"]:
            return "\n".join([*(f"{pool:<20}" for pool in state["pools"]), "", ""])
        case ["vol-list", "--pool", pool]:
            return "\n".join([" Name   Path", "-" * 30, *(f" {name}   /pools/{pool}/{name}" for name in state["pools"][pool]), "", ""])
        case ["vol-dumpxml", "--pool", pool, name]:
            base = state["pools"][pool][name]
            backing = f"\n  <backingStore>\n    <path>{base}</path>\n  </backingStore>" if base else ""
            return f"<volume type='file'>\n  <name>{name}</name>\n  <target>\n    <path>/pools/{pool}/{name}</path>\n  </target>{backing}\n</volume>\n"
        case ["version"]:
            return "Using API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n"
    raise Failure(f"unknown command: {words}")


def change(state: dict[str, Table], words: list[str]) -> None:
    """Carry out what changes something."""
    name = words[-1]
    match words[:-1]:
        case ["destroy"] | ["net-destroy"]:
            kind, table = ("domain", state["domains"]) if words[0] == "destroy" else ("network", state["networks"])
            if name not in table:
                raise Failure(f"failed to get {kind} '{name}'")
            if not table[name]:
                raise Failure(f"Requested operation is not valid: {kind} is not {'running' if kind == 'domain' else 'active'}")
            table[name] = False  # type: ignore[assignment]
        case ["undefine", "--managed-save", "--snapshots-metadata", "--nvram"] | ["net-undefine"]:
            kind, table = ("domain", state["domains"]) if words[0] == "undefine" else ("network", state["networks"])
            if name not in table:
                raise Failure(f"failed to get {kind} '{name}'")
            if table[name]:
                raise Failure(f"Requested operation is not valid: {kind} '{name}' is still running")
            del table[name]
        case ["vol-delete", "--pool", pool]:
            if name not in state["pools"][pool]:
                raise Failure(f"failed to get vol '{name}'")
            del state["pools"][pool][name]
        case _:
            raise Failure(f"unknown command: {words}")


def main(file: Path, arguments: list[str]) -> int:
    """Carry out one command."""
    state = json.loads(file.read_text())
    assert arguments[0] == "-c"
    words = arguments[2:]
    try:
        if set(state.get("refuse", [])) & set(words):
            raise Failure("cannot do that today")
        if state.get("down"):
            raise Failure(f"failed to connect to the hypervisor\nerror: {state['down']}")
        if words[0].endswith("list") or words[0] in {"vol-dumpxml", "version"}:
            sys.stdout.write(listing(state, words))
        else:
            change(state, words)
            file.write_text(json.dumps(state))
    except Failure as failure:
        sys.stderr.write(f"error: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
