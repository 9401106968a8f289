"""A step for counter-tests of EAP alone: no path needs it."""

from __future__ import annotations

from lab.server.steps import Step


def altered_program() -> Step:
    """Alter the program that stands in for eapahost.dll by an octet; reverting puts it back."""
    return Step(name="altered-program", script="altered-program", parameters={}, because="whether the program that is registered decides")
