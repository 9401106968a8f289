"""The vagrant and inventory labs on the stand-in's virtual machines."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from machine_lab import LAB, MachineLab, wait_for

from lab.backends.vagrant.lab import VagrantLab
from lab.prepare.ready import await_ready
from lab.server.session import WindowsSession
from lab.topology import load_topology
from lab.waiting import Deadline, stretch

HERE = Path(__file__).parent
ONE = "ikev2_none__works_on_all_planes"


def test_a_lab_that_is_up_is_described_and_entered(machines: MachineLab) -> None:
    facts = json.loads(machines.must("status", "--lab", "vagrant", "--json"))
    assert facts["lab"] == "vagrant"
    assert {"server", "client", "client2", "client3", "dns", "lan", "lan2"} < facts["hosts"].keys()
    assert machines.must("winrm", "hostname").strip() == "WIN10VPN"
    assert machines.must("ssh", "client2", "hostname").strip() == "client2"
    assert machines.lab("up", "--lab", "vagrant").code == 70, "a second detached lab"


def test_the_management_network_leads_from_no_host_to_another(machines: MachineLab) -> None:
    """Hosts have no adapter there at all; the machines that carry them do not forward."""
    assert json.loads(machines.must("ssh", "client", "ip -json link | cat"))[-1]["ifname"] != "eth0"
    links = machines.must("ssh", "client", "ls /sys/class/net").split()
    assert sorted(links) == ["lo", "wan"]
    assert machines.must("ssh", "client-machine", "cat /proc/sys/net/ipv4/ip_forward").strip() == "0"


def test_pytest_joins_and_says_what_it_ran_on(machines: MachineLab) -> None:
    done = machines.run(*machines.pytest("--lab=vagrant", "-k", ONE))
    assert done.code == 0, done.output
    assert "shown on twin@vagrant" in done.output
    assert not (machines.folder / "test.journal.json").exists()


def test_kill_in_the_middle_of_provisioning_then_lab_revert(machines: MachineLab) -> None:
    journal = machines.folder / "test.journal.json"
    run = machines.start(*machines.pytest("--lab=vagrant", "-k", ONE))
    assert wait_for(journal.exists, 120), "provisioning did not begin"
    machines.kill(run)
    assert journal.exists()
    reverted = machines.lab("revert", "--lab", "vagrant")
    assert reverted.code == 0, reverted.output
    assert "the server is as it was before" in reverted.output
    assert not journal.exists()
    again = machines.lab("revert", "--lab", "vagrant")
    assert (again.code, "nothing to revert" in again.output) == (0, True), again.output


def test_the_inventory_lab_passes_on_the_same_machines_and_puts_them_back(machines: MachineLab, tmp_path: Path) -> None:
    file = machines.inventory(tmp_path)
    done = machines.run(*machines.pytest(f"--lab=inventory:{file}", "-k", "ikev2_none or arp_proxy"), budget=600)
    assert done.code == 0, done.output
    assert "shown on twin@inventory" in done.output
    assert "nothing to revert" in machines.must("revert", "--lab", f"inventory:{file}")
    adapters = machines.must("winrm", "(Get-NetAdapter).Name -join ' '").split()
    assert "wan" not in adapters, "the adapters' names were put back"


def test_an_unmarked_server_is_not_touched(machines: MachineLab, tmp_path: Path) -> None:
    file = machines.inventory(tmp_path)
    file.write_text(file.read_text().replace("lab: true", "lab: false"))
    before = machines.must("winrm", "(Get-NetAdapter).Name -join ' '")
    done = machines.run(*machines.pytest(f"--lab=inventory:{file}", "-k", ONE))
    assert done.code != 0
    assert "lab: true" in done.output
    assert machines.must("winrm", "(Get-NetAdapter).Name -join ' '") == before


def test_the_snapshot_brings_the_server_back_in_seconds(
    machines: MachineLab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_STATE", str(machines.state))
    lab = VagrantLab.running(load_topology(), log_folder=tmp_path)
    assert lab is not None
    stretch(lab.pace)
    with WindowsSession(lab.hosts["server"].winrm) as windows:  # type: ignore[arg-type]
        windows.run_powershell("New-Item -Path HKLM:\\SOFTWARE\\Scratch -Force", Deadline(60))
        began = time.monotonic()
        lab.restore()
        windows.close()
        await_ready(windows)
        seconds = time.monotonic() - began
        assert windows.run_powershell("Test-Path HKLM:\\SOFTWARE\\Scratch", Deadline(60)).output.strip() == "False"
    lab.down()
    assert seconds < 30


def test_what_a_revert_does_not_undo_the_snapshot_does(machines: MachineLab) -> None:
    done = machines.run(sys.executable, "-m", "pytest", str(HERE / "leaves_something.py"), "-q", "-p", "no:cacheprovider", "--lab=vagrant")
    assert done.code == 1, done.output
    assert "2 passed, 1 error" in done.output, "the one that left something is told, the next one finds nothing"
    assert "parameters" in done.output
    assert "lab: snapshot: putting the server back, because journal: " in done.output


def test_a_missing_package_is_installed_and_removed_again(machines: MachineLab, tmp_path: Path) -> None:
    """From an archive on the machine itself: here no other can be reached from it."""
    is_there = "dpkg-query --show --showformat '${db:Status-Abbrev}' dnsmasq-base 2>&1 | grep '^ii' | cat"
    script = (HERE / "local-archive.sh").read_text()
    machines.must("ssh", "client-machine", f"set -- dnsmasq-base\n{script}")
    assert machines.must("ssh", "client-machine", is_there).strip() == "", "it was not removed"
    file = machines.inventory(tmp_path)
    done = machines.run(*machines.pytest(f"--lab=inventory:{file}", "-k", "a_name_that_dns_knows"))
    assert done.code == 0, done.output
    assert "client: apt installs dnsmasq-base" in done.output
    assert machines.must("ssh", "client-machine", is_there).strip() == "", "it was not removed again"


def test_a_killed_vagrant_up_is_reaped(tmp_path: Path) -> None:
    lab = MachineLab(tmp_path / "state")
    before = lab.things()
    run = lab.start(str(LAB), "up", "--lab", "vagrant")
    assert wait_for(lambda: len(lab.things()["machines"]) > len(before["machines"]), 120), "no machine was made"
    lab.kill(run)
    reaped = lab.must("reap")
    assert "the process that owned it is gone" in reaped
    assert lab.things() == before, reaped
    assert not lab.runs(), reaped
