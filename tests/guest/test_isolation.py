"""What the guest cannot do: read this machine's files, reach its services or the world, let hosts meet over the way in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from guests import Guest, processes_of

from lab.embedded.uml.confine import landlock_version

WORDS = "these words are on this machine"
MGMT_GATEWAY = "10.0.2.2"
"""slirp4netns' own address: with another setting it would lead to this machine's loopback."""


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def marker(private_base: Path) -> Iterator[Path]:
    """A file of this machine, beside the folder of the runs."""
    if not landlock_version():
        pytest.skip("this machine's kernel has no Landlock, which confines hostfs; `lab up` says so")
    folder = private_base / "outside"
    folder.mkdir()
    file = folder / "marker"
    file.write_text(WORDS)
    file.chmod(0o640)
    yield file
    file.unlink()
    folder.rmdir()


@pytest.fixture
def mounts(guest: Guest) -> Iterator[Guest]:
    """Two folders to mount on, and nothing of them afterwards."""
    guest.sh("mkdir -p /mnt/a /mnt/b")
    yield guest
    guest.sh("cd /; umount /mnt/a /mnt/b; umount /mnt/a /mnt/b")


def climb(path: Path) -> str:
    return "/.." * 20 + str(path)


def test_a_mount_of_hostfs_shows_the_share_whatever_is_asked_for(mounts: Guest) -> None:
    assert mounts.sh("mount -t hostfs none /mnt/a && ls /mnt/a").split() == ["code", "guest.json", "hosts", "pyc"]
    assert mounts.sh("mount -t hostfs none /mnt/b -o hostfs=/hosts && ls /mnt/b/server").split() == ["twin.json", "winrm.crt", "winrm.key"]


@pytest.mark.parametrize("way", ["absolute", "parents", "bind", "remount"])
def test_a_mount_of_hostfs_reaches_no_file_of_this_machine(mounts: Guest, marker: Path, way: str) -> None:
    options = {
        "absolute": f"mount -t hostfs none /mnt/a -o hostfs={marker.parent}",
        "parents": f"mount -t hostfs none /mnt/a -o hostfs={climb(marker.parent)}",
        "bind": f"mount -t hostfs none /mnt/b -o hostfs={climb(marker.parent)}; mount -o bind /mnt/b /mnt/a",
        "remount": f"mount -t hostfs none /mnt/a; mount -o remount,hostfs={climb(marker.parent)} /mnt/a",
    }
    said = mounts.sh(f"{options[way]}; ls /mnt/a; cat /mnt/a/marker; cat /mnt/a/../marker")

    assert WORDS not in said
    assert "marker: No such file" in said or "Permission denied" in said


def test_what_lies_beside_the_share_is_out_of_reach(mounts: Guest) -> None:
    said = mounts.sh("mount -t hostfs none /mnt/a -o hostfs=/..; ls /mnt/a; cat /mnt/a/lab.json /mnt/a/ssh_key")

    assert said.count("Permission denied") == 3
    assert "PRIVATE KEY" not in said


def test_a_link_in_the_place_of_a_folder_leads_nowhere(mounts: Guest, marker: Path) -> None:
    said = mounts.sh(f"""
        mount -t hostfs none /mnt/a; mount -t hostfs none /mnt/b; mkdir /mnt/a/d; cd /mnt/a/d
        rmdir /mnt/b/d; ln -s {marker.parent} /mnt/b/d; ls; cat marker; rm /mnt/b/d""")

    assert WORDS not in said
    assert said.count("Permission denied") == 2


def test_nothing_of_this_machine_can_be_changed(mounts: Guest, marker: Path) -> None:
    said = mounts.sh(f"""
        mount -t hostfs none /mnt/a -o hostfs={climb(marker.parent)}; cd /mnt/a
        chmod 777 marker; touch -d 2001-01-01 marker; chown 1:1 marker; echo x >> marker; echo x > new; mkdir folder; rm marker; ln -s x link
        ln marker other; mv marker gone""")

    status = marker.stat()
    assert (marker.read_text(), status.st_mode & 0o777, status.st_uid) == (WORDS, 0o640, os.getuid()), said
    assert status.st_mtime > 1e9 + 1e8
    assert list(marker.parent.iterdir()) == [marker]


def test_the_share_can_be_written_and_nothing_else_can(mounts: Guest) -> None:
    mounts.sh("mount -t hostfs none /mnt/a; echo written > /mnt/a/proof")
    proof = mounts.lab.run.folder / "share" / "proof"
    assert proof.read_text() == "written\n"
    proof.unlink()


# -- network ----------------------------------------------------------------------------------------------------------


def network_of_this_machine() -> dict[str, object]:
    """Interfaces, routes, rules, tables of the firewall."""
    proc = Path("/proc/net")
    tables = [proc / "ip_tables_names", proc / "ip6_tables_names"]
    return {
        "interfaces": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "routes": (proc / "route").read_text(),
        "addresses": [line for line in (proc / "fib_trie").read_text().splitlines() if "|--" in line],
        "firewall": [table.read_text() for table in tables if os.access(table, os.R_OK)],
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
    }


BEFORE = network_of_this_machine()


def test_this_machines_network_is_as_before(guest: Guest) -> None:
    assert guest.lab.run.is_alive
    assert network_of_this_machine() == BEFORE


def listening_of(run: Path) -> list[str]:
    """Return the addresses on which the run's processes listen or wait for datagrams."""
    inodes = set()
    for pid in processes_of(run):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:"):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "udplite"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[9] in inodes and (not table.startswith("tcp") or fields[3] == "0A"):
                found.append(f"{table} {fields[1].split(':')[0]}")
    return found


def test_every_way_in_is_on_127_0_0_1(guest: Guest) -> None:
    assert listening_of(guest.lab.run.folder) == ["tcp 0100007F"] * (len(guest.lab.topology.hosts) + 1)  # the server has two


@pytest.fixture
def outward(guest: Guest) -> Iterator[Guest]:
    """A guest whose root has done what a guest's root can do: a route to the outside."""
    assert guest.sh(f"ip route add default via {MGMT_GATEWAY}") == ""
    yield guest
    guest.sh(f"ip route del default via {MGMT_GATEWAY}")


def own_address() -> str:
    """Return this machine's address on a network, if it has one, else loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_no_service_of_this_machine_can_be_reached(outward: Guest, kind: str) -> None:
    address = own_address()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as service:
        service.bind(("0.0.0.0", 0))
        if kind == "tcp":
            service.listen()
        port = service.getsockname()[1]
        observer = outward.probe("observer")
        for destination in (MGMT_GATEWAY, address):
            assert observer.ask_service(kind, destination, port, b"hello", timeout=0.5) is None
        service.settimeout(0.2)
        with pytest.raises(TimeoutError):
            service.accept() if kind == "tcp" else service.recv(10)


def test_there_is_no_name_service_and_no_echo_outside(outward: Guest) -> None:
    observer = outward.probe("observer")

    assert observer.resolve("example.com", "10.0.2.3", timeout=0.5) is None
    assert observer.resolve("example.com", MGMT_GATEWAY, timeout=0.5) is None
    assert observer.ping(own_address(), timeout=0.5) is None


def test_hosts_do_not_meet_over_the_way_in(guest: Guest) -> None:
    hosts, client = guest.lab.topology.hosts, guest.probe("client")
    server, lan = str(hosts["server"].address("mgmt")), str(hosts["lan"].address("mgmt"))
    request = b"GET /wsman HTTP/1.0\r\n\r\n"

    assert guest.probe("observer").ask_service("tcp", server, 5985, request) is not None  # it does answer there
    assert client.ask_service("tcp", server, 5985, request, timeout=0.5) is None
    assert client.ask_service("tcp", lan, 22, b"", timeout=0.5) is None
    assert client.ping(lan, timeout=0.5) is None
    assert client.arp("mgmt", server, source=str(hosts["client"].address("mgmt"))) == []


@pytest.mark.parametrize("gateway", ["server", "lan", "observer", "outside"])
def test_nobody_forwards_from_the_way_in_to_the_lan(guest: Guest, gateway: str) -> None:
    hosts, client = guest.lab.topology.hosts, guest.probe("client")
    lan, subnet = str(hosts["lan"].address("lan")), str(guest.lab.topology.networks["lan"].subnet)
    by = MGMT_GATEWAY if gateway == "outside" else str(hosts[gateway].address("mgmt"))
    assert guest.probe("lan").ping(str(hosts["server"].address("lan"))) is not None  # the lan is there

    client.add_route(subnet, gateway=by)
    try:
        assert client.ping(lan, timeout=0.5) is None
        assert client.ask_service("tcp", lan, 22, b"", timeout=0.5) is None
    finally:
        client.delete_route(subnet, gateway=by)
