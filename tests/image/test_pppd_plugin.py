"""pppd's plugins, compiled: they need no libc of their own, are for the image's pppd, and name what the twin serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.embedded.image.compiler import PPPD_PLUGINS, compile_library, compile_plugins
from lab.twin.rras import l2tp_config


@pytest.mark.parametrize(("place", "named"), [(l2tp_config.PLUGIN, l2tp_config.ADDRESSES), (l2tp_config.USERS_PLUGIN, l2tp_config.REFUSED)])
def test_one_compiles_and_asks_where_the_twin_answers(tmp_path: Path, place: str, named: str) -> None:
    compile_library(PPPD_PLUGINS[place], tmp_path / "plugin.so")
    image = (tmp_path / "plugin.so").read_bytes()

    assert b"GLIBC" not in image
    assert b"plugin_init\0" in image
    assert b"\0pppd_version\0" in image
    assert named.encode() + b"\0" in image


def test_each_has_its_hooks(tmp_path: Path) -> None:
    hooks = compile_plugins(tmp_path, lock=0)

    assert [hook for hook in hooks if hook.startswith("upload ")] == [f"upload {tmp_path}/{Path(place).name} {place}" for place in PPPD_PLUGINS]
    assert all((tmp_path / Path(place).name).exists() for place in PPPD_PLUGINS)
