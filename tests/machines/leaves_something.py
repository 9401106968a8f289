"""Not a test of its own: run by test_machines.py. A change that no journal knows must not reach the next test."""

from __future__ import annotations

from fixtures.roles import Server

KEY = r"HKLM:\SYSTEM\CurrentControlSet\Services\RemoteAccess\Parameters"


def test_it_leaves_something(server: Server) -> None:
    assert server.host.run(f"Set-ItemProperty -LiteralPath {KEY} -Name Left -Value 1 -Type DWord").rc == 0


def test_the_next_one_finds_the_server_as_it_was(server: Server) -> None:
    parameters = server.view().raw["parameters"]
    assert isinstance(parameters, dict)
    assert "Left" not in parameters
