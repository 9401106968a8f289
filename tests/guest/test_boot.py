"""Boot: hosts on demand, crypto modules loaded beforehand, our code fresh at every boot and its bytecode kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from guests import Guest

from lab import shipping
from lab.backends.embedded import EmbeddedLab
from lab.embedded.image import cache
from lab.waiting import Deadline, wait_until


def hosts_with_charon(guest: Guest) -> list[str]:
    return sorted(guest.sh("for p in $(pgrep -f ^/usr/sbin/charon-systemd); do nsenter --target $p --uts hostname; done").split())


def test_a_host_on_demand_has_no_daemons_until_it_is_started(guest: Guest) -> None:
    assert hosts_with_charon(guest) == ["client", "server"]
    assert guest.sh("ls /run", host="client2").split() == ["lab", "lock", "sshd"]

    guest.lab.start("client2")

    assert hosts_with_charon(guest) == ["client", "client2", "server"]
    assert guest.probe("client2").vici("version")
    guest.lab.start("client2")  # again: nothing changes
    assert hosts_with_charon(guest) == ["client", "client2", "server"]


def test_crypto_modules_are_loaded_before_the_first_tunnel_and_leave_no_state(guest: Guest) -> None:
    wait_until(lambda: guest.sh("pgrep -x ip") == "", Deadline(10), lambda: AssertionError(guest.sh("ps -ef")))

    assert guest.sh("cat /run/lab/log/warm.log") == ""
    assert guest.sh("ip xfrm state") == ""
    for module in ("esp4", "authenc", "cbc", "des_generic", "hmac"):
        assert module in guest.sh("cut -d' ' -f1 /proc/modules").split()


def test_an_edit_takes_effect_at_the_next_boot_and_the_rest_stays_compiled(
    new_lab: Callable[..., EmbeddedLab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = cache.cache_root() / "images"
    own_cache = tmp_path / "cache"
    own_cache.mkdir()
    (own_cache / "images").symlink_to(images)
    monkeypatch.setenv(cache.VARIABLE, str(own_cache))

    first = new_lab()
    first.up()
    assert "edited" not in first.run.marks
    first.down()
    compiled = {path: path.stat().st_mtime_ns for path in (own_cache / "bytecode").rglob("*.pyc")}
    assert [path for path in compiled if path.name.startswith("wires.cpython-313")]

    edited = tmp_path / "lab"
    shutil.copytree(shipping.PACKAGE, edited, ignore=shutil.ignore_patterns("__pycache__"))
    wires = edited / "hosts" / "wires.py"
    wires.write_text(wires.read_text() + '\nprint("@edited", flush=True)\n')
    monkeypatch.setattr(shipping, "PACKAGE", edited)
    second = new_lab()
    second.up()

    assert "edited" in second.run.marks
    changed = {path.name.split(".")[0] for path, time in compiled.items() if path.stat().st_mtime_ns != time}
    assert changed == {"wires"}
