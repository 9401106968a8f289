"""The fakes are verified: where Vagrant is installed, it says what they say. Nothing here makes a machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from vagrant_fakes import Stage

from lab.backends.vagrant import answers, failures
from lab.backends.vagrant.command import Vagrant
from lab.errors import LabError
from lab.progress import quiet

pytestmark = pytest.mark.skipif(shutil.which("vagrant") is None, reason="vagrant is not installed here: its fakes stand unverified")
LIBVIRT = """\
Vagrant.configure("2") do |config|
  config.vm.box = "incoming-connections-none"
  config.vm.synced_folder ".", "/vagrant", disabled: true
  %w[server client].each { |name| config.vm.define(name) { |machine| machine.vm.provider(:libvirt) { |libvirt| libvirt.memory = 64 } } }
end
"""
STATUS = """\
1795598549,server,metadata,provider,libvirt
1795598549,client,metadata,provider,libvirt
1795598549,server,provider-name,libvirt
1795598549,server,state,not_created
1795598549,server,state-human-short,not created
1795598549,server,state-human-long,The Libvirt domain is not created. Run `vagrant up` to create it.
1795598549,client,provider-name,libvirt
1795598549,client,state,not_created
1795598549,client,state-human-short,not created
1795598549,client,state-human-long,The Libvirt domain is not created. Run `vagrant up` to create it.
1795598549,,ui,info,Current machine states:\\n\\nserver                    not created (libvirt)
"""
PLUGINS = """\
1795598550,,ui,info,vagrant-libvirt (0.11.2%!(VAGRANT_COMMA) system)
1795598550,,plugin-name,vagrant-libvirt
1795598550,vagrant-libvirt,plugin-version,0.11.2%!(VAGRANT_COMMA) system
"""
BOXES = "1795598550,,ui,warn,There are no installed boxes! Use `vagrant box add` to add some.\n"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Vagrant:
    """Vagrant as it is installed, with a home of its own and a libvirt that nobody serves."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "Vagrantfile").write_text(LIBVIRT)
    environment = {"VAGRANT_HOME": str(folder / "home"), "LIBVIRT_DEFAULT_URI": "qemu+unix:///system?socket=/nonexistent/libvirt-sock",
                   "VAGRANT_DEFAULT_PROVIDER": "libvirt"}
    return Vagrant(folder, environment=environment, log=folder / "log", progress=quiet)


def raw(vagrant: Vagrant, *arguments: str) -> str:
    return vagrant._cli.execute(arguments).output


def shape(text: str) -> list[tuple[str, str, int]]:
    """What of machine-readable output does not depend on time and wording."""
    return [(line.target, line.kind, len(line.data)) for line in answers.machine_lines(text)]


@pytest.fixture(scope="module")
def _libvirt(real: Vagrant) -> None:
    """Skip where Vagrant cannot do libvirt."""
    if "vagrant-libvirt" not in real.plugins():
        pytest.skip("vagrant-libvirt is not installed here")


def test_version(real: Vagrant) -> None:
    assert real.version() >= failures.OLDEST
    assert len(raw(real, "--version").splitlines()) == 1


@pytest.mark.usefixtures("_libvirt")
@pytest.mark.parametrize(("arguments", "recorded"), [
    (("status", "--machine-readable"), STATUS), (("plugin", "list", "--machine-readable"), PLUGINS), (("box", "list", "--machine-readable"), BOXES),
], ids=lambda value: value[0] if isinstance(value, tuple) else "")  # fmt: skip
def test_answers_have_the_recorded_shape(real: Vagrant, tmp_path: Path, arguments: tuple[str, ...], recorded: str) -> None:
    stage = Stage(tmp_path / "bin")
    stage.play("vagrant", [{"stdout": recorded}])
    fake = Vagrant(tmp_path, environment={"PATH": str(stage.folder)}, log=tmp_path / "log", progress=quiet)

    assert set(shape(raw(fake, *arguments))) <= set(shape(raw(real, *arguments)))


FAILURES: dict[str, Callable[[Vagrant], object]] = {
    "libvirt's daemon does not run": lambda vagrant: vagrant.up(["server"], provider="libvirt"),
    "the provider's plugin is missing": lambda vagrant: vagrant.up(["server"], provider="vmware"),
    "the box file is not there": lambda vagrant: vagrant.add_box("nobox", Path("/nonexistent.box"), "libvirt"),
    "the machine does not run": lambda vagrant: vagrant.ssh_config("client"),
    "a snapshot of what does not exist, with exit code 0": lambda vagrant: vagrant.save_snapshot("server", "clean"),
}


@pytest.mark.usefixtures("_libvirt")
@pytest.mark.parametrize("name", FAILURES)
def test_failures_are_as_recorded(real: Vagrant, name: str) -> None:
    recorded = yaml.safe_load(Path(__file__).with_name("recorded.yaml").read_text())
    case = next(case for case in recorded if case["name"] == name)

    with pytest.raises(LabError) as caught:
        FAILURES[name](real)

    assert type(caught.value).__name__ == case["error"]
    assert case["says"].replace("qemu:///system", "qemu+unix:///system?socket=/nonexistent/libvirt-sock") in caught.value.message
