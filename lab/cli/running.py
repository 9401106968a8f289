"""The lab that is up, for the verbs that need one."""

from __future__ import annotations

from lab.backends.embedded import EmbeddedLab, log_folder
from lab.errors import ConfigError
from lab.topology import load_topology


class NoLab(ConfigError):
    """No lab is up."""


def running_lab() -> EmbeddedLab:
    """Return the lab that `lab up` left running. Raises NoLab."""
    found = EmbeddedLab.running(load_topology(), log_folder=log_folder())
    if found is None:
        raise NoLab("no lab is up", hint="`lab up` brings one up in a few seconds")
    return found
