"""pppd's plugin, compiled: it needs no libc of its own, is for the image's pppd, and names what the twin serves."""

from __future__ import annotations

from pathlib import Path

from lab.embedded.image.compiler import PPPD_ADDRESSES, PPPD_PLUGIN, compile_library
from lab.twin.rras import l2tp_config


def test_it_compiles_and_asks_where_the_twin_answers(tmp_path: Path) -> None:
    compile_library(PPPD_ADDRESSES, tmp_path / "plugin.so")
    image = (tmp_path / "plugin.so").read_bytes()

    assert b"GLIBC" not in image
    assert b"plugin_init\0" in image
    assert b"\0pppd_version\0" in image
    assert l2tp_config.ADDRESSES.encode() + b"\0" in image


def test_the_twin_names_the_place_where_the_image_has_it() -> None:
    assert l2tp_config.PLUGIN == PPPD_PLUGIN
