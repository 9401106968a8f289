"""What IKEv2 puts around a packet, alone and beside L2TP over IPsec (article: Using IKEv2 / Summary)."""

from __future__ import annotations

import pytest

from fixtures.encapsulation import SIZES, measure
from fixtures.ikev2 import Ikev2Path
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire
from fixtures.roles import Client, LanHost, Server
from lab.client.profile import SecurityAssociationParameters as Parameters
from lab.evidence.encapsulation import LayerName, by_ikev2, by_l2tp, esp_suite, headers_inside, outer_size, table
from lab.evidence.recorder import Recorder
from lab.server import steps
from lab.server.steps import Step

IKE = Parameters(encryption_algorithm="AES-256", integrity_algorithm="SHA2-256", diffie_hellman_group=2)
SUITES = [  # CipherTransformConstant, AuthTransformConstant; what the client offers; what is negotiated
    (2, 1, ("3DES", "SHA1-96"), "3DES_CBC/HMAC_SHA1_96"),
    (2, 2, ("3DES", "SHA2-256"), "3DES_CBC/HMAC_SHA2_256_128"),
    (3, 1, ("AES-128", "SHA1-96"), "AES_CBC-128/HMAC_SHA1_96"),
    (5, 2, ("AES-256", "SHA2-256"), "AES_CBC-256/HMAC_SHA2_256_128"),
]
L2TP_SUITE = "AES_CBC-256/HMAC_SHA1_96"
"""What L2TP negotiates."""


def policy(cipher: int, integrity: int) -> Step:
    """Return the step by which the server takes one ESP suite and no other."""
    return steps.ikev2_policy(CipherTransformConstant=cipher, AuthTransformConstant=integrity, PfsGroup=0)


def child(cipher: str, integrity: str) -> Parameters:
    """Return what the client offers for ESP."""
    return Parameters(encryption_algorithm=cipher, integrity_algorithm=integrity)


@pytest.mark.claim("encapsulation-ikev2")
@pytest.mark.parametrize(("cipher", "integrity", "offered", "suite"), SUITES, ids=[suite for *_, suite in SUITES])
def test_ikev2_encapsulation__is_the_formula_layer_by_layer(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, wire: LookAtWire, cipher: int, integrity: int, offered: tuple[str, str], suite: str
) -> None:
    """Both directions, every size: each layer has the bytes that the suite negotiated gives it; inside ESP is the packet and nothing else."""
    server.provision(ikev2.steps(policy(cipher, integrity)))
    series = measure(client.connect(ikev2.profile(ike=IKE, child=child(*offered))), client, server, lan, wire)

    assert series.suite == suite
    for one in (*series.sent.values(), *series.received.values()):
        assert one.layers == by_ikev2(one.size, esp_suite(suite))
        assert one.outer == outer_size(one.layers)
        assert headers_inside(one.layers) == 0


@pytest.mark.claim("encapsulation-ikev2", "encapsulation-l2tp")
@pytest.mark.requires("l2tp")
def test_ikev2_encapsulation__has_fewer_bytes_than_l2tp_at_every_size(
    server: Server, client: Client, lan: LanHost, ikev2: Ikev2Path, l2tp: L2tpPath, wire: LookAtWire, evidence: Recorder
) -> None:
    """The same suite both ways: of a Mac's packets, and of the server's if its L2TP header had a Mac's eight bytes."""
    server.provision(l2tp.steps())
    tunnel = client.connect(l2tp.profile())
    by_l2tp_series = measure(tunnel, client, server, lan, wire)
    tunnel.disconnect()
    server.await_no_client()
    server.revert()
    server.provision(ikev2.steps(policy(5, 1)))
    by_ikev2_series = measure(client.connect(ikev2.profile(ike=IKE, child=child("AES-256", "SHA1-96"))), client, server, lan, wire)

    assert by_l2tp_series.suite == by_ikev2_series.suite == L2TP_SUITE
    suite = esp_suite(L2TP_SUITE)
    for size in SIZES:
        sent, received = by_l2tp_series.sent[size], by_l2tp_series.received[size]
        assert by_ikev2_series.sent[size].outer < sent.outer
        assert headers_inside(sent.layers) in range(17, 21)
        as_macs = by_l2tp(size, suite, l2tp_header=8, ppp_header=received.layers[LayerName.PPP])
        assert by_ikev2_series.received[size].outer < outer_size(as_macs)
    evidence.write("encapsulation.txt", table([
        (f"L2TP, {L2TP_SUITE}", [by_l2tp_series.sent[size].layers for size in SIZES]),
        ("L2TP, the server's", [by_l2tp_series.received[size].layers for size in SIZES]),
        (f"IKEv2, {L2TP_SUITE}", [by_ikev2_series.sent[size].layers for size in SIZES]),
    ]))
