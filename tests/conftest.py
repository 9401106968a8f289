"""Shared by the fast tests: a twin that they may all ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twin_process import twin_in_this_process

from lab.backends.base import WinRMEndpoint


@pytest.fixture(scope="session")
def winrm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WinRMEndpoint]:
    """A twin that serves WinRM, on a machine without adapters."""
    with twin_in_this_process(tmp_path_factory.mktemp("twin")) as endpoint:
        yield endpoint
