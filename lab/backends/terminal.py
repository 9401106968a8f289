"""Asking a person for a secret: on the terminal, never through standard input or the command line."""

from __future__ import annotations

import getpass
from pathlib import Path

from lab.errors import ConfigError
from lab.secrets import Secret

TERMINAL = Path("/dev/tty")


def ask_on_terminal(what: str) -> Secret:
    """Return what the person types, unseen. Raises ConfigError where there is no terminal."""
    try:
        with TERMINAL.open("r+b", buffering=0):
            return Secret(getpass.getpass(f"{what}: "))
    except (OSError, EOFError) as error:
        raise ConfigError(f"nobody can be asked for the {what}: there is no terminal",
                          hint="write `password_env: NAME` into the inventory, and put the password into that variable") from error
