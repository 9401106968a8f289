"""Residue: what a test left behind on a host. Before and after must be equal in everything that the suite changes."""

from __future__ import annotations

from collections.abc import Mapping

from lab.probe.probe import JSON

COMPARED = ("addresses", "routes", "proxies", "xfrm_states", "xfrm_policies")
"""Not neighbours and counters: those change by themselves."""
RESIDENT = frozenset({"sshd", "sshd-session", "sshd-auth", "sftp-server", "python3"})
"""Processes that come and go with connections to the host."""


def difference(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[str]:
    """Return what is new or gone, one line each; empty if nothing is."""
    lines = []
    for part in COMPARED:
        old, new = _items(before.get(part)), _items(after.get(part))
        lines += [f"{part}: left behind: {item}" for item in new if item not in old]
        lines += [f"{part}: missing: {item}" for item in old if item not in new]
    ran, runs = _processes(before), _processes(after)
    lines += [f"process left behind: {name}" for name in runs - ran] + [f"process gone: {name}" for name in ran - runs]
    return lines


def _items(value: JSON) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _processes(facts: Mapping[str, JSON]) -> set[str]:
    return {name for name in _items(facts.get("processes")) if name not in RESIDENT}
