"""Dialling: what the daemons' lines tell (xl2tpd 1.3.18, ppp 2.5.2); hanging up when nothing was dialled."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.probe.agent import dial

XL2TPD = """\
xl2tpd[38]: Connection established to 203.0.113.10, 1701.  Local: 23806, Remote: 10484 (ref=0/0).
xl2tpd[38]: Call established with 203.0.113.10, Local: 37176, Remote: 30487, Serial: 1 (ref=0/0)
"""
PPPD = """\
using channel 1
Using interface ppp0
Connect: ppp0 <--> /dev/pts/0
CHAP authentication succeeded
"""
ADDRESSES = "local  IP address 192.168.77.209\nremote IP address 192.168.77.200\n"


@pytest.mark.parametrize(("text", "decided", "up", "interface", "local", "remote"), [
    ("", False, False, "", "", ""),
    (XL2TPD, False, False, "", "", ""),
    (XL2TPD + PPPD, False, False, "ppp0", "", ""),
    (XL2TPD + PPPD + ADDRESSES.splitlines()[0] + "\n", False, False, "ppp0", "192.168.77.209", ""),
    (XL2TPD + PPPD + ADDRESSES, True, True, "ppp0", "192.168.77.209", "192.168.77.200"),
    (XL2TPD + PPPD + "CHAP authentication failed\nConnection terminated.\n", True, False, "ppp0", "", ""),
    (XL2TPD + PPPD + "Modem hangup\n", True, False, "ppp0", "", ""),
    ("xl2tpd[38]: control_finish: Connection closed to 203.0.113.10, serial 1 (No available IP address)\n", True, False, "", "", ""),
    ("xl2tpd[38]: Maximum retries exceeded for tunnel 21033.  Closing.\n", True, False, "", "", ""),
])
def test_the_outcome_is_in_the_daemons_lines(text: str, *, decided: bool, up: bool, interface: str, local: str, remote: str) -> None:
    assert dial.is_decided(text) is decided
    assert dial.outcome(text) == {"up": up, "interface": interface, "local": local, "remote": remote, "log": text.splitlines()}


@pytest.mark.parametrize("pid", [None, "", "no number"])
def test_hanging_up_without_a_call_does_nothing(pid: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "RUN", str(tmp_path))
    if pid is not None:
        (tmp_path / "pid").write_text(pid)

    dial.hang_up()

    assert [file.name for file in tmp_path.iterdir()] == (["pid"] if pid is not None else [])
