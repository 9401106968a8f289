"""Captures read by tshark with the client's keys: what an exchange shows, and that a wrong key is noticed."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from lab.errors import EvidenceError, HostError
from lab.evidence.dissect import Frame, dissect
from lab.evidence.ike import IkeMessage, Notify, messages_of
from lab.evidence.keys import KeyRing, read_keys

DATA = Path(__file__).parent / "data"
REKEY, FALLBACK = DATA / "rekey.pcap", DATA / "fallback.pcap"
IKE = ("5ff1cf59c61038be", "dd92f02e3710b681")
CLIENT, SERVER = "203.0.113.20", "203.0.113.10"


def ring() -> KeyRing:
    return read_keys((DATA / "rekey.charon.log").read_text())


@cache
def frames() -> list[Frame]:
    keys = ring()
    keys.esp.append(replace(keys.esp[0], spi="c9999999"))  # of another connection: disturbs nobody
    return dissect(REKEY, keys)


@cache
def messages() -> list[IkeMessage]:
    return messages_of(frames())


@cache
def fallback() -> list[IkeMessage]:
    return messages_of(dissect(FALLBACK, KeyRing()))


# -- what is seen ---------------------------------------------------------------------------------------------------------


def test_frames_are_numbered_and_esp_is_decrypted() -> None:
    assert [frame.number for frame in frames()] == list(range(1, 23))
    assert frames()[11].protocols == ["eth", "ethertype", "ip", "esp", "ip", "tcp", "data"]
    assert bytes.fromhex(frames()[11].first("data.data").replace(":", "")) == b"token-0f831251150a47c6c0c84151"
    assert frames()[11].first("no.such.field") == ""


def test_without_keys_nothing_inside_is_seen() -> None:
    closed = dissect(REKEY, KeyRing())

    assert closed[11].protocols == ["eth", "ethertype", "ip", "esp"]
    assert messages_of(closed)[2].payloads == ["SK"]


def test_exchanges_are_told_in_the_rfcs_words() -> None:
    assert [(one.exchange, one.source, one.is_response, one.message_id) for one in messages()[:8]] == [
        (name, SERVER if response else CLIENT, response, number)
        for number, name in enumerate(["IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA", "INFORMATIONAL"]) for response in (False, True)]
    assert {one.spi_i for one in messages()} == {IKE[0]}


def test_the_authentication_is_read_inside_of_sk() -> None:
    request, response = messages()[2:4]

    assert request.payloads == ["SK", "IDi", "CERT", "N", "IDr", "AUTH", "CP", "SA", "TSi", "TSr", "N", "N", "N", "N"]
    assert (request.identities, response.identities) == (["mac.example.test", "vpn.example.test"], ["vpn.example.test"])
    assert (request.auth_method, request.configuration_attributes) == ("1", [1, 3])
    assert response.traffic_selectors == [("192.168.77.201", "192.168.77.201"), ("0.0.0.0", "255.255.255.255")]
    assert response.transforms == ["encr 3", "integ 12", "esn 0"]


def test_a_rekey_with_pfs_shows_its_group() -> None:
    request = messages()[4]

    assert request.ke_group == "MODP_2048"
    assert Notify(name="REKEY_SA", is_error=False) in request.notifies
    assert messages()[2].ke_group == ""


def test_a_wrong_guess_of_the_group_is_answered_with_the_right_one() -> None:
    assert [message.ke_group for message in fallback()] == ["MODP_2048", "", "MODP_1024", "MODP_1024"]
    assert fallback()[1].notifies == [Notify(name="INVALID_KE_PAYLOAD", is_error=True, accepted_group="MODP_1024")]
    assert [message.errors for message in fallback()] == [[], ["INVALID_KE_PAYLOAD"], [], []]
    assert fallback()[3].transforms == ["encr 12-128", "integ 2", "prf 2", "dh 2"]


# -- wrong keys -----------------------------------------------------------------------------------------------------------


def other(key: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in key)


def with_ike(*names: str) -> KeyRing:
    wrong = ring()
    keys = wrong.ike[IKE]
    wrong.ike[IKE] = replace(keys, secrets=keys.secrets | {name: other(keys.secrets[name]) for name in names})
    return wrong


def with_esp(change: Callable[..., dict[str, bytes]]) -> KeyRing:
    wrong = copy.deepcopy(ring())
    wrong.esp[3] = replace(wrong.esp[3], **change(wrong.esp[3]))
    return wrong


@pytest.mark.parametrize("names", [("ei",), ("ar",)])
def test_a_wrong_ike_key_is_noticed(names: tuple[str, ...]) -> None:
    with pytest.raises(EvidenceError, match=r"rekey\.pcap: frame [34]: the IKE key is wrong: "):
        dissect(REKEY, with_ike(*names))


@pytest.mark.parametrize(("change", "sign"), [
    (lambda esp: {"integrity_key": other(esp.integrity_key)}, "its integrity fails"),
    (lambda esp: {"cipher_key": other(esp.cipher_key)}, "its padding makes no sense"),
])
def test_a_wrong_esp_key_is_noticed(change: Callable[..., dict[str, bytes]], sign: str) -> None:
    with pytest.raises(EvidenceError, match=rf"rekey\.pcap: frame 9: the ESP key for SPI 0xc8df6263 is wrong: {sign}"):
        dissect(REKEY, with_esp(change))


def test_a_file_without_even_a_header_is_missing_evidence(tmp_path: Path) -> None:
    (tmp_path / "wan.pcap").touch()

    with pytest.raises(EvidenceError, match=r"wan\.pcap is empty"):
        dissect(tmp_path / "wan.pcap", ring())


@pytest.mark.parametrize("content", [b"this is no capture", REKEY.read_bytes()[:-20]])
def test_a_file_that_is_no_whole_capture_is_missing_evidence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "wan.pcap").write_bytes(content)

    with pytest.raises(EvidenceError, match=r"tshark could not read wan\.pcap") as error:
        dissect(tmp_path / "wan.pcap", ring())
    assert error.value.evidence


def test_a_machine_without_tshark_is_told_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(HostError, match="tshark is not installed") as error:
        dissect(REKEY, KeyRing())
    assert "apt install tshark" in error.value.hint


# -- L2TP over IPsec ------------------------------------------------------------------------------------------------------


def l2tp_keys() -> KeyRing:
    return read_keys((DATA / "l2tp.charon.log").read_text())


def test_ppp_is_read_inside_l2tp_inside_esp() -> None:
    seen = dissect(DATA / "l2tp.pcap", l2tp_keys())

    assert seen[20].protocols == ["eth", "ethertype", "ip", "esp", "udp", "l2tp", "ppp", "lcp"]
    assert (seen[20].first("lcp.opt.auth_protocol"), seen[20].first("lcp.opt.algorithm")) == ("0xc223", "129")  # CHAP 0x81: MS-CHAPv2
    assert seen[38].protocols[-3:] == ["ip", "tcp", "data"]
    assert bytes.fromhex(seen[38].first("data.data").replace(":", "")).startswith(b"token-")


def test_without_keys_no_l2tp_is_seen() -> None:
    assert all("l2tp" not in frame.protocols for frame in dissect(DATA / "l2tp.pcap", KeyRing()))


def test_a_wrong_esp_key_of_l2tp_is_noticed() -> None:
    keys = l2tp_keys()
    keys.esp[1] = replace(keys.esp[1], integrity_key=bytes(20))

    with pytest.raises(EvidenceError, match="the ESP key for SPI 0xc1ac1514 is wrong"):
        dissect(DATA / "l2tp.pcap", keys)
