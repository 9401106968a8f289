"""The transcript of WinRM: every call with its parameters and its answer, secrets masked."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.secrets import Mask


@dataclass(slots=True)
class Transcript:
    """Calls in order; written to the evidence folder."""

    mask: Mask = field(default_factory=Mask)
    entries: list[dict[str, object]] = field(default_factory=list)

    def add(self, what: str, parameters: Mapping[str, object], answer: str, *, seconds: float) -> None:
        """Note a call."""
        self.entries.append({
            "at": round(time.time(), 3), "seconds": round(seconds, 3), "call": what,
            "parameters": self.mask.inside(parameters), "answer": self.mask(answer),
        })

    def text(self) -> str:
        """Return it as JSON, one call per line."""
        return "".join(json.dumps(entry) + "\n" for entry in self.entries)
