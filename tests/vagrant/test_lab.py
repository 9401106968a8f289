"""The vagrant lab from `up` to `down`, with a Vagrant that plays a part: whatever happens on the way, nothing is left or it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from vagrant_fakes import Cast, Scene, assert_all_ended, await_file

from lab.backends.base import Detachable, Restorable
from lab.backends.vagrant import reap, runs
from lab.backends.vagrant.lab import VagrantLab
from lab.errors import ConfigError, HostError, InfrastructureError, LabBusy
from lab.secrets import Secret
from lab.topology import load_topology

TOPOLOGY = load_topology()
WINRM = "Host server\n  HostName 192.168.131.61\n  User vagrant\n  Password vagr&nt-7Q\n  Port 5985\n"
SSH = "Host one\n  HostName 192.168.131.20\n  User vagrant\n  Port 22\n  IdentityFile /keys/one\n"
ANSWERS: tuple[Scene, ...] = (
    {"words": ["--version"], "stdout": "Vagrant 2.3.4\n"},
    {"words": ["winrm-config"], "stdout": WINRM},
    {"words": ["ssh-config"], "stdout": SSH},
)
FULL = "==> server: Creating image\nNo space left on device\n"


class Here:
    """This machine: where runs are kept, what Vagrant was told."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        self.folder, self._cast = folder, cast
        self.told: list[str] = []
        self.calls_file = folder / "calls"
        self.play()

    def play(self, *scenes: Scene) -> None:
        """Let Vagrant play these scenes; it succeeds at everything else."""
        self._cast("vagrant", [{**scene, "calls": str(self.calls_file)} for scene in (*scenes, *ANSWERS, {})])

    @property
    def calls(self) -> list[str]:
        """What Vagrant was told so far."""
        return [" ".join(json.loads(line)) for line in self.calls_file.read_text().splitlines()] if self.calls_file.exists() else []

    @property
    def runs(self) -> list[Path]:
        """Folders of runs, also of those that are only begun."""
        return list(runs.runs_folder().iterdir())

    def lab(self, *, detached: bool = False) -> VagrantLab:
        """A lab, not up yet."""
        return VagrantLab(TOPOLOGY, log_folder=self.folder / "log", detached=detached, progress=self.told.append)

    def running(self) -> VagrantLab | None:
        """The lab that is up, joined."""
        return VagrantLab.running(TOPOLOGY, log_folder=self.folder / "log")


@pytest.fixture
def here(tmp_path: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Boxes are named, so that none is built; processors are emulated, so that none is tried out."""
    for name, value in (("LAB_SERVER_BOX", "my-windows-10"), ("LAB_LINUX_BOX", "debian"), ("LAB_LIBVIRT_DRIVER", "qemu")):
        monkeypatch.setenv(name, value)
    for name in ("LAB_PROVIDER", "LAB_TOPOLOGY", "LAB_MANAGEMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(reap, "hypervisors", tuple)
    return Here(tmp_path, cast)


def test_up_makes_the_machines_of_the_topology_and_down_leaves_nothing(here: Here) -> None:
    lab = here.lab()
    hosts = lab.up()

    server = hosts["server"].winrm
    assert server is not None
    assert (server.address, server.http_port, server.https_port, server.password) == ("192.168.131.61", 5985, None, Secret("vagr&nt-7Q"))
    assert hosts["client2"].ssh is not None
    assert hosts["client2"].ssh.enter == "sudo -n sh /run/lab/enter client2"
    assert {machine.name: machine.hosts for machine in lab.machines} == {
        "server": ("server",), "client": ("client", "client2", "client3", "nat", "home", "home2", "dns"), "lan": ("lan", "lan2")}
    assert {file.stat().st_mode & 0o077 for file in lab.state.iterdir() if file.is_file()} == {0}
    (lab.state / ".vagrant").mkdir()
    lab.down()

    assert [call.split()[0] for call in here.calls] == ["--version", "up", "winrm-config", "ssh-config", "ssh-config", "destroy"]
    assert here.runs == []
    lab.down()


def test_it_keeps_the_protocols(here: Here, detached: str) -> None:
    lab = here.running()
    assert isinstance(lab, Restorable)
    assert isinstance(lab, Detachable)
    lab.down()


@pytest.mark.parametrize(("step", "error", "what"), [
    ({"words": ["up"], "stderr": FULL, "code": 1}, HostError, "the disk of the virtual machines is full"),
    ({"words": ["--version"], "stdout": "Vagrant 2.2.0\n"}, HostError, "vagrant is too old"),
    ({"words": ["ssh-config"], "stdout": "Host one\n"}, InfrastructureError, "`vagrant ssh-config` names no"),
])  # fmt: skip
def test_an_up_that_fails_leaves_nothing(here: Here, step: Scene, error: type[Exception], what: str) -> None:
    here.play(step)
    with pytest.raises(error, match=what):
        here.lab(detached=True).up()
    assert here.runs == []
    assert here.running() is None


def test_what_cannot_be_destroyed_is_told_and_left_over_and_hides_nothing(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.play({"words": ["up"], "stderr": FULL, "code": 1}, {"words": ["destroy"], "stderr": "no\n", "code": 1})
    monkeypatch.setattr(VagrantLab, "_add_boxes", lambda lab, _: (lab.state / ".vagrant").mkdir())  # as Vagrant does
    with pytest.raises(HostError, match="the disk of the virtual machines is full"):
        here.lab().up()

    assert "could not be destroyed whole" in here.told[-1]
    assert [one.why for one in reap.leftovers()] == ["the process that owned it is gone"]


def test_the_stand_in_is_for_libvirt_only(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PROVIDER", "virtualbox")
    monkeypatch.delenv("LAB_LINUX_BOX")
    with pytest.raises(ConfigError, match="the stand-in boxes are for libvirt, LAB_PROVIDER is 'virtualbox'") as caught:
        here.lab().up()
    assert "LAB_LINUX_BOX" in caught.value.hint


# -- lab up, lab down -------------------------------------------------------------------------------------------------


@pytest.fixture
def detached(here: Here) -> str:
    """The name of a lab that `lab up` left running, in a process that has ended."""
    lab = here.lab(detached=True)
    lab.up()
    (lab.state / ".vagrant").mkdir()
    lab._ownership.close()  # as the end of the process does
    return lab.run_name


def test_a_detached_lab_is_joined_stays_and_is_ended_by_lab_down(here: Here, detached: str) -> None:
    lab = here.running()
    assert lab is not None
    assert (lab.run_name, lab.joined, len(lab.hosts)) == (detached, True, 12)
    lab.down()
    assert [run.name for run in here.runs] == [detached]

    again = here.running()
    assert again is not None
    again.end_joined()
    assert here.calls[-1] == "destroy --force"
    assert here.runs == []
    assert here.running() is None


def test_a_second_detached_lab_is_refused_and_one_of_one_s_own_is_not(here: Here, detached: str) -> None:
    with pytest.raises(LabBusy, match=f"a lab is up already: {detached}"):
        here.lab(detached=True).up()
    own = here.lab()
    own.up()
    assert own.run_name != detached
    own.down()
    assert [run.name for run in here.runs] == [detached]


def test_the_pace_is_that_of_the_processor_which_the_run_was_given(here: Here, detached: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not looked for anew: that would boot a probe for every `lab ssh`."""
    monkeypatch.setenv("LAB_LIBVIRT_DRIVER", "kvm")
    assert here.lab().pace == 2.0
    lab = here.running()
    assert lab is not None
    assert lab.pace == 4.0
    lab.down()


def test_two_at_once_never_share_a_lab(here: Here, detached: str) -> None:
    first = here.running()
    with pytest.raises(LabBusy, match=f"the lab {detached} is in use by another process"):
        here.running()
    assert first is not None
    first.down()


def test_two_lab_ups_at_once_do_not_make_two_labs(here: Here) -> None:
    with runs.alone(), pytest.raises(LabBusy, match="another `lab up` brings virtual machines up"):
        here.lab(detached=True).up()
    assert here.calls == []


def test_a_lab_down_that_fails_says_so_and_lab_reap_finds_the_rest(here: Here, detached: str) -> None:
    assert reap.leftovers() == []
    here.play({"words": ["destroy"], "stderr": "no\n", "code": 1})
    lab = here.running()
    assert lab is not None
    with pytest.raises(InfrastructureError, match=f"{detached} could not be destroyed whole") as caught:
        lab.end_joined()
    assert "lab reap" in caught.value.hint
    assert [one.name for one in reap.leftovers()] == [detached]


# -- Restorable -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "told"), [
    (VagrantLab.keep, ["snapshot save --force server kept"]),
    (VagrantLab.restore, ["snapshot restore --no-provision server kept"]),
    (VagrantLab.rebuild, ["destroy --force server", "up server --provider=libvirt --no-install-provider --no-destroy-on-error",
                          "winrm-config server", "ssh-config client", "ssh-config lan"]),
], ids=["keep", "restore", "rebuild"])  # fmt: skip
def test_the_server_is_kept_restored_and_rebuilt_by_whoever_joined(
    here: Here, detached: str, monkeypatch: pytest.MonkeyPatch, act: Callable[[VagrantLab], None], told: Sequence[str]
) -> None:
    monkeypatch.setenv("LAB_PROVIDER", "another, meanwhile")
    lab = here.running()
    assert lab is not None
    before = len(here.calls)
    act(lab)
    assert here.calls[before:] == list(told)
    lab.down()


def test_a_machine_made_anew_is_found_where_it_is_now(here: Here, detached: str) -> None:
    here.play({"words": ["winrm-config"], "stdout": WINRM.replace(".61", ".62").replace("5985", "5986")})
    lab = here.running()
    assert lab is not None
    lab.rebuild()
    server = lab.hosts["server"].winrm
    assert server is not None
    assert (server.address, server.http_port, server.https_port) == ("192.168.131.62", None, 5986)
    lab.down()


# -- interrupted ------------------------------------------------------------------------------------------------------

UP = """
import sys
from pathlib import Path
from lab.backends.vagrant.lab import VagrantLab
from lab.topology import load_topology
VagrantLab(load_topology(), log_folder=Path(sys.argv[1]), detached=True, progress=print).up()
"""


def test_ctrl_c_during_vagrant_up_ends_vagrant_and_leaves_nothing(here: Here, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    here.play({"words": ["up"], "hang": str(pids)})
    with subprocess.Popen([sys.executable, "-c", UP, str(tmp_path)], stderr=subprocess.PIPE, text=True,
                          env=os.environ | {"LAB_TIME_SCALE": "0.05", "PYTHONPATH": str(Path(__file__).parents[2])}) as process:
        await_file(pids)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in said
    assert_all_ended(pids)
    assert here.runs == []


def test_kill_9_during_vagrant_up_leaves_a_run_that_is_left_over(here: Here, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    here.play({"words": ["up"], "hang": str(pids)})
    with subprocess.Popen([sys.executable, "-c", UP, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}) as process:
        await_file(pids)
        process.kill()
    assert here.running() is None
    (left,) = reap.leftovers()
    assert left.why == "the process that owned it is gone"
    for pid in pids.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    assert_all_ended(pids)
