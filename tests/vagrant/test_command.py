"""What Vagrant is told, and how its answers are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from vagrant_fakes import Cast

from lab.backends.vagrant import answers
from lab.backends.vagrant.answers import Box, MachineState, SshConfig
from lab.backends.vagrant.command import Vagrant
from lab.errors import InfrastructureError, LabError
from lab.secrets import Secret

WINRM = """\
Host server
  HostName 192.168.131.61
  User vagrant
  Password vagr&nt-7Q
  Port 5985
  RDPHostName 192.168.131.61
  RDPPort 3389
  RDPUser vagrant
  RDPPassword
"""
SSH = """\
Host client
  HostName 192.168.131.20
  User vagrant
  Port 22
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/home/a user/.vagrant.d/key"
  IdentityFile /home/other/key
  IdentitiesOnly yes
  LogLevel FATAL
"""
STATUS = """\
/usr/lib/ruby/vendor_ruby/rubygems/x.rb:12: warning: already initialized constant A,B,C
1795598549,server,metadata,provider,libvirt
1795598549,server,provider-name,libvirt
1795598549,server,state,running
1795598549,server,state-human-long,The Libvirt domain is running. To stop this machine%!(VAGRANT_COMMA) you can run
a line without commas

1795598549,client,state,not_created,and,more
1795598549,lan,state
1795598549,,ui,info,Current machine states:\\n\\nserver   running (libvirt)
"""


@pytest.mark.parametrize(("word", "state"), [
    ("not_created", MachineState.NOT_CREATED), ("running", MachineState.RUNNING), ("shutoff", MachineState.SHUTOFF),
    ("poweroff", MachineState.SHUTOFF), ("aborted", MachineState.SHUTOFF), ("paused", MachineState.SAVED), ("saved", MachineState.SAVED),
    ("shutting_down", MachineState.UNKNOWN), ("", MachineState.UNKNOWN),
])  # fmt: skip
def test_states_of_all_providers(word: str, state: MachineState) -> None:
    assert answers.states(f"1795598549,server,state,{word}\n") == {"server": state}


def test_status_is_read_among_warnings_and_odd_lines(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": STATUS, "stderr": "1795598549,stray,state,running\n"}])
    assert vagrant.status() == {"server": MachineState.RUNNING, "client": MachineState.NOT_CREATED, "lan": MachineState.UNKNOWN}


def test_ways_in(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"words": ["winrm-config", "server"], "stdout": WINRM}, {"words": ["ssh-config", "client"], "stdout": SSH}])

    winrm = vagrant.winrm_config("server")
    assert (winrm.address, winrm.port, winrm.user, winrm.password) == ("192.168.131.61", 5985, "vagrant", Secret("vagr&nt-7Q"))
    assert vagrant.ssh_config("client") == SshConfig(
        address="192.168.131.20", port=22, user="vagrant", key_file=Path("/home/a user/.vagrant.d/key"))


@pytest.mark.parametrize("lacks", ["HostName", "User", "Password", "Port"])
def test_a_way_in_that_lacks_something(cast: Cast, vagrant: Vagrant, lacks: str) -> None:
    cast("vagrant", [{"stdout": WINRM.replace(f"  {lacks} ", "  Other ")}])

    with pytest.raises(InfrastructureError, match=f"`vagrant winrm-config` names no {lacks}") as caught:
        vagrant.winrm_config("server")
    assert "vagr&nt-7Q" not in str(caught.value)


def test_a_port_that_is_none(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": WINRM.replace("  Port 5985", "  Port none")}])
    with pytest.raises(InfrastructureError, match="the port 'none', a number is expected"):
        vagrant.winrm_config("server")


def test_passwords_are_masked_in_log_errors_and_progress(cast: Cast, vagrant: Vagrant, told: list[str], tmp_path: Path) -> None:
    cast("vagrant", [
        {"words": ["winrm-config"], "stdout": WINRM},
        {"words": ["up"], "stdout": "==> server: password vagr&nt-7Q\n", "stderr": "  Password: of-the-box\n  Password other\nvagr&nt-7Q\n", "code": 1},
    ])
    vagrant.winrm_config("server")

    with pytest.raises(LabError) as caught:
        vagrant.up([], provider="libvirt")

    log = (tmp_path / "vagrant.log").read_text()
    for text in (log, str(caught.value), *told):
        assert "vagr&nt-7Q" not in text
        assert "Password other" not in text
    assert "Password ***" in log
    assert (tmp_path / "vagrant.log").stat().st_mode & 0o077 == 0


def test_progress_has_the_phases_and_the_log_everything(cast: Cast, vagrant: Vagrant, told: list[str], tmp_path: Path) -> None:
    said = "Bringing machine 'server' up...\n==> server: Creating image\n    server: detail\n==> server: 10%\r\x1b[K==> server: Booting\n"
    cast("vagrant", [{"words": ["up"], "stdout": said, "stderr": "a warning\n"}])

    vagrant.up(["server"], provider="libvirt")

    assert told == ["server: Creating image", "server: Booting"]
    log = (tmp_path / "vagrant.log").read_text().splitlines()
    assert log[0].startswith("$ vagrant up server")
    assert {"Bringing machine 'server' up...", "    server: detail", "a warning"} <= set(log)


def test_only_the_last_lines_are_evidence(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": "".join(f"line {number}\n" for number in range(1000)), "code": 1}])
    with pytest.raises(InfrastructureError) as caught:
        vagrant.up([], provider="libvirt")
    assert caught.value.evidence.splitlines() == [f"line {number}" for number in range(940, 1000)]


@pytest.mark.parametrize(("call", "words"), [
    (lambda v: v.up(["server", "client"], provider="libvirt"),
     ["up", "server", "client", "--provider=libvirt", "--no-install-provider", "--no-destroy-on-error"]),
    (lambda v: v.halt("server"), ["halt", "server"]),
    (lambda v: v.halt(), ["halt"]),
    (lambda v: v.destroy(), ["destroy", "--force"]),
    (lambda v: v.destroy(["client", "lan"], graceful=True), ["destroy", "--force", "--graceful", "client", "lan"]),
    (lambda v: v.save_snapshot("server", "clean"), ["snapshot", "save", "--force", "server", "clean"]),
    (lambda v: v.restore_snapshot("server", "clean"), ["snapshot", "restore", "--no-provision", "server", "clean"]),
    (lambda v: v.add_box("lab", Path("/a b.box"), "libvirt"), ["box", "add", "lab", "/a b.box", "--provider", "libvirt"]),
    (lambda v: v.remove_box("lab", "libvirt"), ["box", "remove", "lab", "--provider=libvirt", "--all", "--force"]),
    (lambda v: v.forget_gone(), ["global-status", "--prune"]),
])  # fmt: skip
def test_what_vagrant_is_told(cast: Cast, vagrant: Vagrant, tmp_path: Path, call: Callable[[Vagrant], object], words: list[str]) -> None:
    cast("vagrant", [{"calls": str(tmp_path / "calls")}])
    call(vagrant)
    assert json.loads((tmp_path / "calls").read_text()) == words


def test_vagrant_runs_in_its_folder_with_the_given_environment_and_in_english(vagrant: Vagrant, cast: Cast, tmp_path: Path,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    vagrant = Vagrant(tmp_path, environment={"LAB_MARK": "1"}, log=tmp_path / "logs/vagrant.log", progress=lambda _: None)
    script = tmp_path / "bin/vagrant"
    script.write_text('#!/bin/sh\necho "Vagrant 2.3.4"; echo "$PWD|$LAB_MARK|$LC_ALL|$VAGRANT_NO_COLOR"\n')
    script.chmod(0o755)

    vagrant.version()

    assert f"{tmp_path}|1|C.UTF-8|1" in (tmp_path / "logs/vagrant.log").read_text()


@pytest.mark.parametrize(("text", "names"), [
    ("==> server: \nbaseline\nclean, too\n", ["baseline", "clean, too"]),
    ("==> server: No snapshots have been taken yet!\n    server: You can take a snapshot using `vagrant snapshot save`.\n", []),
])  # fmt: skip
def test_snapshots(cast: Cast, vagrant: Vagrant, text: str, names: list[str]) -> None:
    cast("vagrant", [{"stdout": text}])
    assert vagrant.snapshots("server") == names


@pytest.mark.parametrize(("text", "boxes"), [
    ("1,,ui,info,lab (libvirt%!(VAGRANT_COMMA) 0)\n1,,box-name,lab\n1,,box-provider,libvirt\n1,,box-version,0\n"
     "1,,box-name,lab\n1,,box-provider,virtualbox\n1,,box-version,1.2\n",
     [Box(name="lab", provider="libvirt", version="0"), Box(name="lab", provider="virtualbox", version="1.2")]),
    ("1,,ui,warn,There are no installed boxes! Use `vagrant box add` to add some.\n", []),
])  # fmt: skip
def test_boxes(cast: Cast, vagrant: Vagrant, text: str, boxes: list[Box]) -> None:
    cast("vagrant", [{"stdout": text}])
    assert vagrant.boxes() == boxes


def test_plugins(cast: Cast, vagrant: Vagrant) -> None:
    cast("vagrant", [{"stdout": "1,,plugin-name,vagrant-libvirt\n1,vagrant-libvirt,plugin-version,0.11.2%!(VAGRANT_COMMA) system\n"}])
    assert vagrant.plugins() == {"vagrant-libvirt": "0.11.2"}
