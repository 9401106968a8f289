"""A server for the steps' tests."""

from __future__ import annotations

import pytest
from steps_on_engine import Server


@pytest.fixture
def server() -> Server:
    """The twin's engine, on which steps act."""
    return Server()
