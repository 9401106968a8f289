"""What a verb of the command is."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

Parser = argparse.ArgumentParser


def say(line: str) -> None:
    """Print a line of progress at once, also into a pipe."""
    print(line, flush=True)


def run_action(chosen: argparse.Namespace) -> int:
    """Be the `run` of a verb with actions (`lab image build`): do what the action's parser has set as `act`."""
    act: Callable[[argparse.Namespace], None] = chosen.act
    act(chosen)
    return 0


def no_arguments(_: Parser) -> None:
    """Declare nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb: `lab NAME …`."""

    name: str
    summary: str
    """One line for `lab --help`."""
    description: str
    """What `lab NAME --help` teaches before the options."""
    examples: tuple[tuple[str, str], ...]
    """Command and what it does."""
    run: Callable[[argparse.Namespace], int]
    """Returns the exit code; raises LabError."""
    arguments: Callable[[Parser], None] = no_arguments

    @property
    def epilog(self) -> str:
        """Return the examples, aligned."""
        width = max(len(command) for command, _ in self.examples)
        return "\n".join(["examples:", *(f"  {command:{width}}   {what}" for command, what in self.examples)])
