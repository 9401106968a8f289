"""Keys from charon's log: lines of a real one, and the joins that only lines of ours can show."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import EvidenceError
from lab.evidence.keys import EspKeys, IkeKeys, KeyRing, read_keys

LOG = (Path(__file__).parent / "data" / "rekey.charon.log").read_text()
IKE = ("5ff1cf59c61038be", "dd92f02e3710b681")
CLIENT, SERVER = "203.0.113.20", "203.0.113.10"


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return read_keys(LOG)


def test_the_ike_sa_has_its_spis_and_secrets(ring: KeyRing) -> None:
    assert list(ring.ike) == [IKE]
    secrets = ring.ike[IKE].secrets
    assert {name: len(secret) for name, secret in secrets.items()} == {"ai": 32, "ar": 32, "ei": 32, "er": 32, "pi": 32, "pr": 32}
    assert secrets["ai"].hex() == "b52f4ad415fd4b994ff11f05a067e9ba25abdb7f726532ea723a11b682aab277"


def test_every_child_has_its_keys_in_both_directions(ring: KeyRing) -> None:
    assert [(esp.spi, esp.source, esp.destination) for esp in ring.esp] == [
        ("c102f1dd", SERVER, CLIENT), ("cca390b7", CLIENT, SERVER), ("c05106d9", SERVER, CLIENT), ("c8df6263", CLIENT, SERVER)]
    assert len({esp.cipher_key for esp in ring.esp}) == 4
    assert {(len(esp.cipher_key), len(esp.integrity_key)) for esp in ring.esp} == {(24, 32)}


def test_the_options_for_tshark_name_algorithms_by_the_length_of_keys(ring: KeyRing) -> None:
    options = ring.tshark_options()

    secrets = ring.ike[IKE].secrets
    assert options[1] == (f'uat:ikev2_decryption_table:{IKE[0]},{IKE[1]},{secrets["ei"].hex()},{secrets["er"].hex()},"AES-CBC-256 [RFC3602]",'
                          f'{secrets["ai"].hex()},{secrets["ar"].hex()},"HMAC_SHA2_256_128 [RFC4868]"')
    esp = ring.esp[3]
    assert options[9] == (f'uat:esp_sa:"IPv4","*","*","0xc8df6263","TripleDES-CBC [RFC2451]","0x{esp.cipher_key.hex()}",'
                          f'"HMAC-SHA-256-128 [RFC4868]","0x{esp.integrity_key.hex()}"')
    assert options[-4:] == ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    assert KeyRing().tshark_options() == []


@pytest.mark.parametrize(("cipher", "integrity", "length"), [(16, 20, None), (32, 48, None), (36, 0, 36), (16, 64, 64), (16, 0, 0)])
def test_a_suite_without_a_name_is_told_as_such(cipher: int, integrity: int, length: int | None) -> None:
    esp = EspKeys(source=CLIENT, destination=SERVER, spi="c0000001", cipher_key=bytes(cipher), integrity_key=bytes(integrity))
    if length is None:
        assert esp.row().count('"') == 16
    else:
        with pytest.raises(EvidenceError, match=f"ESP SA c0000001: a key of {length} bytes"):
            esp.row()


def test_an_ike_suite_without_a_name_is_told_as_such() -> None:
    keys = IkeKeys(spi_i="1" * 16, spi_r="2" * 16, secrets={"ei": bytes(36), "er": bytes(36), "ai": b"", "ar": b""})

    with pytest.raises(EvidenceError, match="IKE SA 1111111111111111: a key of 36 bytes"):
        keys.row()


def test_a_refused_attempt_has_ike_keys_only() -> None:
    refused = "".join(line for line in LOG.splitlines(keepends=True) if "[CHD]" not in line)

    ring = read_keys(refused)
    assert list(ring.ike) == [IKE]
    assert ring.esp == []


@pytest.mark.parametrize("log", ["", "noise\n", "1.000 05[IKE] <mac|1> Sk_ei secret => 16 bytes\n", LOG.replace("dd92f02e3710b681", "0" * 16)])
def test_without_both_spis_there_are_no_ike_keys(log: str) -> None:
    assert read_keys(log).ike == {}


# -- IKEv1 ----------------------------------------------------------------------------------------------------------------

L2TP_LOG = (Path(__file__).parent / "data" / "l2tp.charon.log").read_text()


def test_main_mode_has_one_key_and_the_client_is_the_initiator_of_quick_mode() -> None:
    ring = read_keys(L2TP_LOG)

    assert {cookie: len(key) for cookie, key in ring.main_mode.items()} == {"a1dd89f4020914c5": 32}
    assert ring.ike == {}
    assert [(esp.spi, esp.source, esp.destination, esp.cipher_key[:2].hex()) for esp in ring.esp] == [
        ("c35a8b82", SERVER, CLIENT, "c7d1"), ("c1ac1514", CLIENT, SERVER, "e77a")]
    assert f"uat:ikev1_decryption_table:a1dd89f4020914c5,{ring.main_mode['a1dd89f4020914c5'].hex()}" in ring.tshark_options()


def test_a_refused_main_mode_has_no_esp_keys() -> None:
    refused = read_keys("".join(line for line in L2TP_LOG.splitlines(keepends=True) if "[CHD]" not in line))

    assert list(refused.main_mode) == ["a1dd89f4020914c5"]
    assert refused.esp == []
    assert read_keys(L2TP_LOG.replace("encryption key Ka", "another key")).main_mode == {}


# -- lines of ours --------------------------------------------------------------------------------------------------------


def dump(thread: str, what: str, value: int, length: int = 16) -> list[str]:
    return [f"1.000 {thread}[CHD] <mac|1> {what} key => {length} bytes @ 0x1", f"1.000 {thread}[CHD] <mac|1>    0: " + f"{value:02X} " * length + " ...."]


def installing(thread: str, number: int, first: int) -> list[str]:
    keys = [*dump(thread, "encryption initiator", first), *dump(thread, "encryption responder", first + 1),
            *dump(thread, "integrity initiator", first + 2), *dump(thread, "integrity responder", first + 3)]
    return [f"1.000 {thread}[CHD] <mac|1> CHILD_SA net{{{number}}} state change: CREATED => INSTALLING", *keys]


def adding(thread: str, direction: str, spi: str) -> list[str]:
    ends = f"src {SERVER} dst {CLIENT}" if direction == "inbound" else f"src {CLIENT} dst {SERVER}"
    return [f"1.000 {thread}[CHD] <mac|1> adding {direction} ESP SA", f"1.000 {thread}[CHD] <mac|1>   SPI 0x{spi}, {ends}"]


OURS = ["1.000 05[IKE] <mac|1> establishing CHILD_SA net{1}"]


def cipher_keys(lines: list[str]) -> dict[str, int]:
    return {esp.spi: esp.cipher_key[0] for esp in read_keys("\n".join(lines)).esp}


def test_of_our_own_exchange_outbound_is_the_initiators() -> None:
    lines = [*OURS, *installing("05", 1, 0xA0), *adding("05", "inbound", "c0000001"), *adding("05", "outbound", "c0000002")]

    assert cipher_keys(lines) == {"c0000001": 0xA1, "c0000002": 0xA0}


def test_of_a_rekey_that_the_server_began_outbound_is_the_responders() -> None:
    lines = [*installing("05", 1, 0xA0), *adding("05", "inbound", "c0000001"), *adding("05", "outbound", "c0000002")]

    assert cipher_keys(lines) == {"c0000001": 0xA0, "c0000002": 0xA1}


def test_two_children_installed_by_two_threads_are_not_mixed_up() -> None:
    lines = [*OURS, *installing("05", 1, 0xA0), *installing("06", 2, 0xB0), *adding("05", "outbound", "c0000001"), *adding("06", "outbound", "c0000002")]

    assert cipher_keys(lines) == {"c0000001": 0xA0, "c0000002": 0xB1}


def test_after_a_rekey_of_the_ike_sa_secrets_go_with_the_name_in_the_message() -> None:
    def secrets(sa: str, value: int) -> list[str]:
        return [line for name in ("ei", "er", "ai", "ar") for line in (
            f"1.000 05[IKE] <{sa}> Sk_{name} secret => 16 bytes @ 0x1", f"1.000 05[IKE] <{sa}>    0: " + f"{value:02X} " * 16 + " ....")]

    lines = [*secrets("mac|1", 1), f"1.000 05[MGR] <mac|1> checkin IKEv2 SA mac[1] with SPIs {'1' * 16}_i {'2' * 16}_r",
             *secrets("mac|2", 2), f"1.000 05[MGR] <mac|1> checkin IKEv2 SA mac[2] with SPIs {'3' * 16}_i {'4' * 16}_r"]

    ring = read_keys("\n".join(lines))
    assert {spis[0][0]: keys.secrets["ei"][0] for spis, keys in ring.ike.items()} == {"1": 1, "3": 2}
