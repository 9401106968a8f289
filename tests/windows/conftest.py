"""A server for the steps' tests."""

from __future__ import annotations

import pytest
from steps_on_engine import Server

from lab.twin.windows.csharp import CSharp


@pytest.fixture(scope="session")
def csharp() -> CSharp:
    """A compiler that compiles the same sources once for all tests."""
    return CSharp()


@pytest.fixture
def server(csharp: CSharp) -> Server:
    """The twin's engine, on which steps act."""
    made = Server()
    made.machine.csharp = csharp
    return made
