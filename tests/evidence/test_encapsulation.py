"""The formula against the table of our research (reckoned by hand from RFCs and Apple's sources), and against frames of a real capture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import ConfigError, EvidenceError
from lab.evidence.dissect import Frame, dissect
from lab.evidence.encapsulation import (
    EspSuite,
    LayerName,
    Layers,
    Measured,
    by_ikev2,
    by_l2tp,
    esp_suite,
    headers_inside,
    measured,
    outer_size,
    table,
)
from lab.evidence.keys import read_keys

DATA = Path(__file__).parent / "data"
CLIENT, SERVER = "203.0.113.20", "203.0.113.10"
AES_SHA1, AES_SHA256 = "AES_CBC-256/HMAC_SHA1_96", "AES_CBC-256/HMAC_SHA2_256_128"
DES_SHA1, DES_SHA256 = "3DES_CBC/HMAC_SHA1_96", "3DES_CBC/HMAC_SHA2_256_128"


def l2tp(size: int, suite: str, *, ppp: int = 4, header: int = 8, nat: bool = False) -> Layers:
    return by_l2tp(size, esp_suite(suite), l2tp_header=header, ppp_header=ppp, nat=nat)


@pytest.mark.parametrize(("size", "l2tp_aes", "l2tp_nat", "l2tp_3des", "des_sha256", "aes_sha256", "aes_sha1", "des_sha1"), [
    (64, 152, 160, 136, 124, 140, 136, 120),
    (576, 664, 672, 648, 636, 652, 648, 632),
    (1280, 1368, 1376, 1352, 1340, 1356, 1352, 1336),
    (1400, 1480, 1488, 1472, 1460, 1468, 1464, 1456),
])  # fmt: skip
def test_the_formula_gives_the_table(
    size: int, l2tp_aes: int, l2tp_nat: int, l2tp_3des: int, des_sha256: int, aes_sha256: int, aes_sha1: int, des_sha1: int
) -> None:
    assert outer_size(l2tp(size, AES_SHA1)) == l2tp_aes
    assert outer_size(l2tp(size, AES_SHA1, nat=True)) == l2tp_nat
    assert outer_size(l2tp(size, DES_SHA1)) == l2tp_3des
    for suite, expected in ((DES_SHA256, des_sha256), (AES_SHA256, aes_sha256), (AES_SHA1, aes_sha1), (DES_SHA1, des_sha1)):
        assert outer_size(by_ikev2(size, esp_suite(suite))) == expected


@pytest.mark.parametrize(("suite", "plain", "nat"), [(AES_SHA256, 1438, 1422), (DES_SHA256, 1446, 1438), (AES_SHA1, 1438, 1422), (DES_SHA1, 1446, 1438)])
def test_the_largest_packet_that_fits_into_1500_bytes(suite: str, plain: int, nat: int) -> None:
    assert max(size for size in range(1500) if outer_size(by_ikev2(size, esp_suite(suite))) <= 1500) == plain
    assert max(size for size in range(1500) if outer_size(by_ikev2(size, esp_suite(suite), nat=True)) <= 1500) == nat


@pytest.mark.parametrize(("nat", "largest"), [(False, 1418), (True, 1402)])
def test_the_largest_packet_by_l2tp(nat: bool, largest: int) -> None:
    assert max(size for size in range(1500) if outer_size(l2tp(size, AES_SHA1, nat=nat)) <= 1500) == largest


@pytest.mark.parametrize(("suite", "more"), [(AES_SHA1, {16, 32}), (AES_SHA256, {16, 32}), (DES_SHA1, {16, 24}), (DES_SHA256, {16, 24})])
def test_with_macos_header_l2tp_is_larger_at_every_size(suite: str, more: set[int]) -> None:
    """20 bytes more inside ESP, rounded to blocks; with PPP's header compressed to one byte still 17."""
    sizes = range(28, 1500)
    assert {outer_size(l2tp(size, suite)) - outer_size(by_ikev2(size, esp_suite(suite))) for size in sizes} == more
    assert all(outer_size(l2tp(size, suite, ppp=1)) > outer_size(by_ikev2(size, esp_suite(suite))) for size in sizes)
    assert (headers_inside(l2tp(64, suite)), headers_inside(l2tp(64, suite, ppp=1)), headers_inside(by_ikev2(64, esp_suite(suite)))) == (20, 17, 0)


def test_without_the_length_bit_and_compressed_aes_can_hide_the_difference() -> None:
    """6 + 1 + 8 bytes are less than AES's block: that is why the comparison names macOS's header."""
    differences = {outer_size(l2tp(size, AES_SHA1, header=6, ppp=1)) - outer_size(by_ikev2(size, esp_suite(AES_SHA1))) for size in range(28, 1500)}
    assert differences == {0, 16}


def test_the_length_of_a_key_changes_no_size() -> None:
    assert esp_suite("AES_CBC-128/HMAC_SHA1_96") == esp_suite(AES_SHA1) == EspSuite(block=16, iv=16, icv=12)
    assert esp_suite("3DES_CBC/HMAC_MD5_96") == EspSuite(block=8, iv=8, icv=12)


@pytest.mark.parametrize("name", ["", "AES_CBC-256", "AES_GCM_16-256", "AES_CBC-256/HMAC_SHA2_512_256", "aes256/sha1"])
def test_an_unknown_suite_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="the sizes of the ESP suite") as refused:
        esp_suite(name)
    assert "AES_CBC, 3DES_CBC with HMAC_MD5_96" in refused.value.hint


# -- frames of the wire -------------------------------------------------------------------------------------------------


def frames(name: str) -> list[Frame]:
    return dissect(DATA / f"{name}.pcap", read_keys((DATA / f"{name}.charon.log").read_text()))


def taken_apart(name: str) -> list[Measured]:
    return [one for frame in frames(name) if (one := measured(frame))]


def test_every_packet_of_an_l2tp_capture_is_as_the_formula_says() -> None:
    """The client's data header has macOS's eight bytes, that of the server's kernel six."""
    found = taken_apart("l2tp")

    assert [one.size for one in found] == [60, 60, 52, 82, 52, 89, 52, 52, 52, 52, 52, 84, 84]
    assert {(one.source, one.layers[LayerName.L2TP], one.layers[LayerName.PPP]) for one in found} == {(CLIENT, 8, 4), (SERVER, 6, 4)}
    for one in found:
        assert one.layers == l2tp(one.size, AES_SHA1, header=one.layers[LayerName.L2TP])
        assert list(one.layers) == list(l2tp(one.size, AES_SHA1))


def test_every_packet_of_an_ikev2_capture_is_as_the_formula_says() -> None:
    found = taken_apart("rekey")

    assert len(found) == 12
    for one in found:
        assert one.layers == by_ikev2(one.size, esp_suite(DES_SHA256))


def changed(frame: Frame, **values: str) -> Frame:
    esp = frame.layers["esp"]
    assert isinstance(esp, dict)
    return replace(frame, layers={**frame.layers, "esp": {**esp, **{f"esp.{name}": value for name, value in values.items()}}})


def payload(plain: bytes) -> str:
    return plain.hex(":")


def test_layers_that_do_not_add_up_are_an_error() -> None:
    frame = next(frame for frame in frames("rekey") if measured(frame))
    with pytest.raises(EvidenceError, match=r"frame \d+: its layers have \d+ bytes, its outer packet \d+"):
        measured(changed(frame, iv="00"))


INNER = bytes.fromhex("4500001c00000000400100000a0000010a000002") + bytes(8)


@pytest.mark.parametrize(("headers", "expected"), [
    ("06a50000 00000000" "0002 00010002" "21", (6, 1)),
    ("06a50000 00000000" "4002 0000 00010002" "0021", (8, 2)),
    ("06a50000 00000000" "4002 0000 00010002" "ff0321", (8, 3)),
    ("06a50000 00000000" "4802 0000 00010002 00000000" "ff030021", (12, 4)),
    ("06a50000 00000000" "0202 00010002 0003 000000" "ff030021", (11, 4)),
    ("06a50000 00000000" "c802 0000 00010002 00000000", None),
    ("06a50000 00000000" "0002 00010002" "ff03c021", None),
    ("06a50000 00000000" "0002 00010002" "0057", None),
], ids=["compressed", "no address", "short protocol", "sequenced", "offset", "control message", "LCP", "IPv6"])  # fmt: skip
def test_headers_of_l2tp_and_ppp_are_told_by_their_bits(headers: str, expected: tuple[int, int] | None) -> None:
    plain = bytes.fromhex(headers.replace(" ", "")) + INNER
    layers = {"ip": {"ip.len": str(20 + 8 + 16 + len(plain) + 2 + 12), "ip.hdr_len": "20", "ip.src": CLIENT},
              "frame": {"frame.protocols": "eth:ethertype:ip:esp:udp:l2tp:ppp:ip:icmp"},
              "esp": {"esp.iv": payload(bytes(16)), "esp.icv": payload(bytes(12)), "esp.pad_len": "0", "esp.contained_data": payload(plain)}}
    found = measured(Frame(number=1, layers=layers))

    assert (found and (found.layers[LayerName.L2TP], found.layers[LayerName.PPP])) == expected
    assert found is None or found.size == len(INNER)


def test_esp_in_udp_has_a_layer_more() -> None:
    layers = {"ip": {"ip.len": str(20 + 8 + 8 + 16 + len(INNER) + 2 + 12), "ip.hdr_len": "20", "ip.src": CLIENT},
              "frame": {"frame.protocols": "eth:ethertype:ip:udp:udpencap:esp:ip:icmp"},
              "esp": {"esp.iv": payload(bytes(16)), "esp.icv": payload(bytes(12)), "esp.pad_len": "0", "esp.contained_data": payload(INNER)}}
    found = measured(Frame(number=1, layers=layers))

    assert found is not None
    assert found.layers[LayerName.NAT_T] == 8


def test_what_is_not_decrypted_is_not_measured() -> None:
    assert measured(Frame(number=1, layers={"frame": {"frame.protocols": "eth:ethertype:ip:udp:isakmp"}})) is None


def test_the_table_is_for_people() -> None:
    sizes = (64, 1280)
    text = table([("L2TP", [l2tp(size, AES_SHA1) for size in sizes]), ("IKEv2", [by_ikev2(size, esp_suite(AES_SHA1)) for size in sizes])])

    lines = text.splitlines()
    assert lines[0].split() == ["inner", "L2TP", "IKEv2"]
    assert " ".join(lines[1].split()) == "64 152 (+88, 2.375) 136 (+72, 2.125)"
    assert " ".join(lines[2].split()) == "1280 1368 (+88, 1.069) 1352 (+72, 1.056)"
    assert "IKEv2: outer IP 20, ESP SPI and sequence 8, ESP IV 16, inner IP packet 64, ESP padding 14, ESP trailer 2, ESP ICV 12" in lines
