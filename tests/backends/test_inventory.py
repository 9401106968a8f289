"""Machines that already exist: every mistake in the file is named with its place, secrets stay out, nobody shares machines by accident."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest
import yaml
from fake_lab import keeps

from lab.backends import choose
from lab.backends.host_keys import pinned_key
from lab.backends.inventory import InventoryLab
from lab.backends.machines import ExistingServer, in_use
from lab.errors import ConfigError, LabBusy, LinkLost
from lab.inventory_file import load_inventory
from lab.secrets import Secret
from lab.statedir import VARIABLE
from lab.topology import load_topology

EXAMPLE = Path(__file__).with_name("inventory_example.yaml")
DOCUMENT = Path(__file__).parents[2] / "docs" / "inventory.md"
TOPOLOGY = load_topology()
Change = Callable[[dict[str, dict[str, object]]], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the example names; the state is there too."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "state"))
    monkeypatch.setenv("OFFICE_SERVER", "pass-Word1")
    for name in ("id_ed25519", "ca.crt", "client.pem", "client.key"):
        (tmp_path / name).touch()
    return tmp_path


def written(folder: Path, change: Change = lambda _: None) -> Path:
    content = yaml.safe_load(EXAMPLE.read_text())
    change(content["machines"])
    file = folder / "office.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def changed(machine: str, **values: object) -> Change:
    return lambda machines: machines[machine].update(values)


def without(machine: str, *names: str) -> Change:
    return lambda machines: [machines[machine].pop(name) for name in names] and None


# -- the file ---------------------------------------------------------------------------------------------------------


def test_the_example(folder: Path) -> None:
    inventory = load_inventory(written(folder), TOPOLOGY)

    assert (inventory.name, inventory.pace) == ("office", 2.0)
    assert inventory.server.adapters == {"wan": "52:54:cb:00:71:0a", "lan": "52:54:c0:a8:4d:0a", "lan2": "52:54:ac:14:05:0a"}
    assert inventory.server.ca_file == folder / "ca.crt"
    assert inventory.linux["lan"].adapters == {"lan": "02:00:00:00:00:01", "lan2": "52:54:ac:14:05:1e"}
    assert inventory.linux["client"].key_file == folder / "id_ed25519"
    assert not inventory.server.also_used_by_people


def test_the_example_is_the_one_of_the_manual() -> None:
    assert EXAMPLE.read_text() in DOCUMENT.read_text()


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (without("server", "lab"), "machines.server: lacks `lab: true`, without which nothing is changed on it (names and addresses", "write it"),
        (changed("server", lab=False), "machines.server: lacks `lab: true`", "write it"),
        (lambda machines: machines.pop("lan"), "machines: lacks lan", "server, client, lan"),
        (lambda machines: machines.update(lan3=machines["lan"]), "machines.lan3: no such machine", "server, client, lan"),
        (changed("server", adress="x"), "machines.server.adress: Extra inputs are not permitted", "known here: lab, also_used_by_people, address"),
        (changed("client", password="hunter2"), "machines.client.password: Extra", "a secret never stands in this file"),
        (changed("server", password="hunter2"), "machines.server.password: Extra", "`password_env` names a variable"),
        (changed("server", winrm={}), "machines.server.winrm: names no port", "{http: 5985}"),
        (changed("server", winrm={"http": 70000}), "machines.server.winrm.http: Input should be less than or equal to 65535", ""),
        (changed("server", certificate="client.pem"), "machines.server: a certificate and its key go together", "key: client.key"),
        (changed("server", certificate="client.pem", key="client.key"), "machines.server: has both a password and a certificate", "leave one"),
        (changed("client", key_file="none"), "machines.client.key_file: there is no file", "relative to the inventory's folder"),
        (changed("server", ca_file="none"), "machines.server.ca_file: there is no file", "relative to the inventory's folder"),
        (without("client", "key_file"), "machines.client.key_file: Field required", ""),
        (changed("client", adapters={}), "machines.client.adapters: lacks wan", "on each of wan"),
        (changed("client", adapters={"wan": "auto", "lan": "auto"}), "machines.client.adapters.lan: client has no adapter on it", "are wan"),
        (changed("client", adapters={"wan": "eth1"}), "machines.client.adapters.wan: String should match pattern", ""),
        (changed("lan", adapters={"lan": "auto", "lan2": "52:54:C0:A8:4D:1E"}), "machines.lan.adapters: two networks have the same adapter", "own"),
        (changed("server", address=""), "machines.server.address: String should have at least 1 character", ""),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(change: Change, message: str, hint: str, folder: Path) -> None:
    file = written(folder, change)

    with pytest.raises(ConfigError) as caught:
        InventoryLab(TOPOLOGY, file)

    assert caught.value.message.startswith(f"{file}: {message}")
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value)
    assert not (folder / "state").exists() or not list((folder / "state").rglob("lock"))


def test_a_certificate_goes_over_https(folder: Path) -> None:
    def change(machines: dict[str, dict[str, object]]) -> None:
        without("server", "password_env")(machines)
        changed("server", certificate="client.pem", key="client.key", winrm={"http": 5985})(machines)

    with pytest.raises(ConfigError, match="a certificate is shown over HTTPS only"):
        load_inventory(written(folder, change), TOPOLOGY)


@pytest.mark.parametrize(("text", "problem"), [("name: [", "is not YAML"), ("name: Big Office\nmachines: {}", "name: String should match pattern"),
                                               ("[]", "the whole file: Input should be a valid dictionary"),
                                               ("name: a\npace: 0\nmachines: {}", "pace: Input should be greater than 0")])
def test_a_file_that_is_none_is_told(text: str, problem: str, folder: Path) -> None:
    (folder / "bad.yaml").write_text(text)

    with pytest.raises(ConfigError, match=r"bad\.yaml") as caught:
        load_inventory(folder / "bad.yaml", TOPOLOGY)

    assert problem in caught.value.message


@pytest.mark.parametrize(("chosen", "message"), [("inventory:nowhere.yaml", "the inventory nowhere.yaml cannot be read"),
                                                 ("inventory", "inventory names no file")])
def test_a_file_that_is_missing_is_told(chosen: str, message: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        choose.make_lab(chosen, TOPOLOGY, log_folder=folder, progress=lambda _: None)


# -- SSH hosts --------------------------------------------------------------------------------------------------------


@contextmanager
def ssh_host(*keys: paramiko.PKey, port: int = 0) -> Iterator[int]:
    """A host that shows these keys to whoever connects, and lets nobody in."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            for key in keys:
                transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=paramiko.ServerInterface())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture(scope="module")
def keys() -> list[paramiko.PKey]:
    return [paramiko.ECDSAKey.generate(bits=256), paramiko.ECDSAKey.generate(bits=256), paramiko.RSAKey.generate(2048)]


def test_a_key_is_pinned_at_the_first_contact(tmp_path: Path, keys: list[paramiko.PKey]) -> None:
    known = tmp_path / "known_hosts"
    with ssh_host(keys[0]) as port:
        first = pinned_key(known, "client", "127.0.0.1", port)
        second = pinned_key(known, "client", "127.0.0.1", port)

    assert first == second == f"{keys[0].get_name()} {keys[0].get_base64()}"
    assert known.read_text() == f"[127.0.0.1]:{port} {first}\n"


def test_another_key_is_refused(tmp_path: Path, keys: list[paramiko.PKey]) -> None:
    known = tmp_path / "known_hosts"
    with ssh_host(keys[0]) as port:
        pinned_key(known, "client", "127.0.0.1", port)
    pinned = known.read_text()

    with ssh_host(keys[1], port=port), pytest.raises(LinkLost, match="shows another SSH host key than at the first contact") as caught:
        pinned_key(known, "client", "127.0.0.1", port)

    assert f"ssh-keygen -f {known} -R '[127.0.0.1]:{port}'" in caught.value.hint
    assert known.read_text() == pinned


def test_a_host_that_gets_a_further_key_is_the_same_host(tmp_path: Path, keys: list[paramiko.PKey]) -> None:
    known = tmp_path / "known_hosts"
    with ssh_host(keys[2]) as port:
        first = pinned_key(known, "client", "127.0.0.1", port)

    with ssh_host(keys[0], keys[2], port=port):
        assert pinned_key(known, "client", "127.0.0.1", port) == first
    assert first.startswith("ssh-rsa ")


def test_a_host_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(LinkLost, match=f"client: SSH to 127.0.0.1:{port} failed: .*refused"):
        pinned_key(tmp_path / "known_hosts", "client", "127.0.0.1", port)


# -- the lab ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(folder: Path, keys: list[paramiko.PKey]) -> Iterator[Path]:
    """The example, with SSH hosts behind it."""
    with ssh_host(keys[0]) as port:

        def change(machines: dict[str, dict[str, object]]) -> None:
            for name in ("client", "lan"):
                machines[name].update(port=port, address="127.0.0.1")

        yield written(folder, change)


def test_it_is_a_lab(file: Path, folder: Path) -> None:
    lab = choose.make_lab(f"inventory:{file}", TOPOLOGY, log_folder=folder, progress=lambda _: None)

    assert keeps(lab)
    assert (lab.name, lab.pace, lab.joined, lab.death()) == ("inventory", 2.0, False, None)
    assert lab.state == folder / "state" / "inventory" / "office"
    assert choose.running_lab(f"inventory:{file}", TOPOLOGY, log_folder=folder) is None


def test_up_knows_the_way_to_every_host_and_changes_nothing(file: Path, folder: Path) -> None:
    lab = InventoryLab(TOPOLOGY, file)
    hosts = lab.up()
    try:
        ways = {name: (host.ssh.user, host.ssh.enter) for name, host in hosts.items() if host.ssh}
        server = lab.machines[0]

        assert ways == {
            "client-machine": ("debian", "sudo -n"), "client": ("debian", "sudo -n sh /run/lab/enter client"),
            "client2": ("debian", "sudo -n sh /run/lab/enter client2"), "client3": ("debian", "sudo -n sh /run/lab/enter client3"),
            **{name: ("debian", f"sudo -n sh /run/lab/enter {name}") for name in ("nat", "home", "home2", "dns")},
            "lan-machine": ("root", ""), "lan": ("root", "sh /run/lab/enter lan"), "lan2": ("root", "sh /run/lab/enter lan2"),
        }
        assert isinstance(server, ExistingServer)
        assert server.way.winrm is not None
        assert server.way.winrm.password == Secret("pass-Word1")
        assert [machine.hosts for machine in lab.machines[1:]] == [("client", "client2", "client3", "nat", "home", "home2", "dns"), ("lan", "lan2")]
        assert lab.start("lan2") is hosts["lan2"]
        assert in_use(lab.state).exists()
    finally:
        lab.down()
    assert lab.machines == []
    with pytest.raises(ConfigError, match="has no host 'lan2'"):
        lab.start("lan2")


def test_packets_are_seen_on_bridges_and_on_every_way_in(file: Path) -> None:
    points = [(point.network, point.host, point.interface) for point in InventoryLab(TOPOLOGY, file).capture_points]

    assert points == [
        ("wan", "client-machine", "br-wan"), ("home", "client-machine", "br-home"), ("lan", "lan-machine", "br-lan"),
        ("lan2", "lan-machine", "br-lan2"),
        ("mgmt", "client-machine", "management"), ("mgmt", "lan-machine", "management"),
    ]


def test_machines_are_for_one_run_at_a_time(file: Path) -> None:
    first, second = InventoryLab(TOPOLOGY, file), InventoryLab(TOPOLOGY, file)
    first.up()

    with pytest.raises(LabBusy, match=f"the machines of office are in use by process {os.getpid()}"):
        second.up()

    first.down()
    second.up()
    second.down()
    second.down()


def test_a_killed_run_holds_nothing(file: Path) -> None:
    code = ("import os, sys; from pathlib import Path; from lab.backends.inventory import InventoryLab; from lab.topology import load_topology\n"
            "InventoryLab(load_topology(), Path(sys.argv[1])).up(); os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", code, str(file)], check=False, timeout=60).returncode == -9

    lab = InventoryLab(TOPOLOGY, file)
    lab.up()
    lab.down()


def test_what_goes_wrong_on_the_way_up_holds_nothing(file: Path, folder: Path, keys: list[paramiko.PKey], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFICE_SERVER")
    lab = InventoryLab(TOPOLOGY, file)

    with pytest.raises(ConfigError, match="the variable OFFICE_SERVER, which should hold the password of labadmin, is not set") as caught:
        lab.up()

    assert "export OFFICE_SERVER" in caught.value.hint
    assert not in_use(lab.state).exists()
    monkeypatch.setenv("OFFICE_SERVER", "x")
    lab.up()
    lab.down()


def test_a_password_without_a_variable_is_asked_for(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = yaml.safe_load(file.read_text())
    del content["machines"]["server"]["password_env"]
    file.write_text(yaml.safe_dump(content))
    asked: list[str] = []

    def ask(what: str) -> Secret:
        asked.append(what)
        return Secret("typed")

    lab = InventoryLab(TOPOLOGY, file, ask=ask)
    endpoint = lab.up()["server"].winrm
    lab.down()

    assert asked == ["password of labadmin on 127.0.0.1"]
    assert endpoint is not None
    assert endpoint.password == Secret("typed")


def test_without_a_terminal_nobody_is_asked(file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.backends import terminal

    monkeypatch.setattr(terminal, "TERMINAL", folder / "no" / "tty")

    with pytest.raises(ConfigError, match="nobody can be asked for the password of labadmin: there is no terminal") as caught:
        terminal.ask_on_terminal("password of labadmin")
    assert "password_env" in caught.value.hint
