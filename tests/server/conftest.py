"""What tests of the server's steps share: the run's certificates, a session with the twin that all may ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.backends.base import WinRMEndpoint
from lab.pki import RunPki
from lab.server.session import WindowsSession


@pytest.fixture(scope="module")
def pki() -> RunPki:
    return RunPki("vpn.example.test")


@pytest.fixture
def session(winrm: WinRMEndpoint) -> Iterator[WindowsSession]:
    with WindowsSession(winrm) as opened:
        yield opened
