"""The share: what the guest sees of this machine, and that every key and password in it is its owner's only."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lab import shipping
from lab.embedded.share import RunKeys, guest_plan, keep_bytecode, make_share
from lab.pki import TlsIdentity
from lab.topology import load_topology

TLS = TlsIdentity(certificate_pem="certificate", private_key_pem="key of the listener", root_pem="root")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "run-1"
    folder.mkdir()
    return folder


@pytest.fixture
def keys(run: Path) -> RunKeys:
    return make_share(run, load_topology(), TLS)


def test_every_secret_is_in_files_and_folders_of_the_owner_only(keys: RunKeys, run: Path) -> None:
    secrets = [keys.password.reveal(), "PRIVATE KEY", TLS.private_key_pem]
    holding = [file for file in run.rglob("*") if file.is_file() and file.suffix != ".py" and any(one in file.read_text() for one in secrets)]

    assert {file.name for file in holding} == {"ssh_key", "ssh_host_key", "winrm.key", "twin.json"}
    assert {file.stat().st_mode & 0o777 for file in holding} == {0o600}
    assert (run / "share").stat().st_mode & 0o777 == 0o700


def test_each_linux_host_has_a_key_of_its_own_and_lets_the_client_in(keys: RunKeys, run: Path) -> None:
    topology = load_topology()
    linux = [host for host in topology.hosts if host != topology.server.name]

    assert sorted(keys.host_keys) == sorted(linux)
    assert len(set(keys.host_keys.values())) == len(linux)
    authorized = {(run / "share" / "hosts" / name / "authorized_keys").read_text() for name in linux}
    assert len(authorized) == 1
    assert not authorized & {f"{key}\n" for key in keys.host_keys.values()}


def test_the_guest_gets_its_own_code_and_nothing_that_starts_it(keys: RunKeys, run: Path) -> None:
    code = run / "share" / "code" / "lab"

    assert (code / "twin" / "main.py").read_bytes() == (shipping.PACKAGE / "twin" / "main.py").read_bytes()
    assert (code / "probe" / "agent" / "main.py").exists()
    assert not (code / "embedded" / "runs.py").exists()
    assert not list(code.rglob("__pycache__"))
    assert {file.name for file in (run / "share" / "code" / "fixtures").rglob("*.cs")} == {file.name for file in shipping.FACE.glob("*.cs")} != set(), \
        "the twin compiles this face with the core that arrives, so no core is there before"
    assert (code / "twin" / "main.py").stat().st_mtime_ns == (shipping.PACKAGE / "twin" / "main.py").stat().st_mtime_ns


def test_the_plan_says_what_the_topology_says() -> None:
    topology = load_topology()

    plan = json.loads(json.dumps(guest_plan(topology)))

    lan2 = next(host for host in plan["hosts"] if host["name"] == "lan2")
    assert lan2 == {"name": "lan2", "role": "lan", "start": "on-demand", "addresses": {"lan2": "172.20.5.30/24", "mgmt": "10.0.2.31/24"},
                    "routes": {"192.168.77.0/24": "172.20.5.10"}}
    assert {network["name"] for network in plan["networks"] if network["management"]} == {"mgmt"}
    assert plan["names"] == {topology.vpn.server_name: "203.0.113.10"}


def test_bytecode_of_one_guest_is_there_for_the_next(keys: RunKeys, run: Path, tmp_path: Path) -> None:
    for content in ("old", "newer"):
        (run / "share" / "pyc" / "module.pyc").write_text(content)
        keep_bytecode(run)

    next_run = tmp_path / "run-2"
    next_run.mkdir()
    make_share(next_run, load_topology(), TLS)

    assert (next_run / "share" / "pyc" / "module.pyc").read_text() == "newer"
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["bytecode"]


def test_half_copied_bytecode_goes_when_it_is_old_whoever_left_it(run: Path, keys: RunKeys, tmp_path: Path) -> None:
    """A copy under way may be of a run in another folder: only its age tells that nobody works at it."""
    under_way, left = tmp_path / "cache" / "bytecode.run-other", tmp_path / "cache" / "bytecode.run-killed"
    for folder in (under_way, left):
        folder.mkdir(parents=True)
    os.utime(left, (0, 0))
    (run / "share" / "pyc" / "module.pyc").write_text("new")
    keep_bytecode(run)
    assert (under_way.exists(), left.exists()) == (True, False)
