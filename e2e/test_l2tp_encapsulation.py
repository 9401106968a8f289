"""What L2TP over IPsec puts around a packet (article: Using L2TP over IPsec / Summary)."""

from __future__ import annotations

import pytest

from fixtures.encapsulation import SIZES, measure
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire
from fixtures.roles import Client, LanHost, Server
from lab.evidence.encapsulation import INSIDE, LayerName, by_l2tp, esp_suite, headers_inside, outer_size, table
from lab.evidence.recorder import Recorder

pytestmark = pytest.mark.requires("l2tp")
MACS_HEADER, PPP_HEADERS = 8, range(1, 5)
"""Bytes of L2TP's data header from a Mac, and of PPP's."""


@pytest.mark.claim("encapsulation-l2tp")
def test_l2tp_encapsulation__is_the_formula_layer_by_layer(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, wire: LookAtWire, evidence: Recorder
) -> None:
    """Both directions, every size: each layer has the bytes that the suite negotiated gives it; UDP, L2TP and PPP stand inside ESP."""
    server.provision(l2tp.steps())
    series = measure(client.connect(l2tp.profile()), client, server, lan, wire)
    suite = esp_suite(series.suite)

    for one in (*series.sent.values(), *series.received.values()):
        header, ppp = one.layers[LayerName.L2TP], one.layers[LayerName.PPP]
        assert one.layers == by_l2tp(one.size, suite, l2tp_header=header, ppp_header=ppp)
        assert one.outer == outer_size(one.layers)
        assert set(INSIDE) < set(one.layers)
        assert ppp in PPP_HEADERS
    for sent in series.sent.values():
        assert sent.layers[LayerName.L2TP] == MACS_HEADER
        assert headers_inside(sent.layers) in range(17, 21)
    evidence.write("encapsulation.txt", table([(f"to the server, {series.suite}", [series.sent[size].layers for size in SIZES]),
                                               (f"to the client, {series.suite}", [series.received[size].layers for size in SIZES])]))
