"""IKEv1 messages from tshark's JSON: a first message of main mode as tshark 4.0 shows it, shortened."""

from __future__ import annotations

from typing import Any

from lab.evidence.dissect import Frame
from lab.evidence.ikev1 import Transform, ikev1_messages


def attribute(kind: int, value: str) -> dict[str, Any]:
    return {"isakmp.ike.attr.format": "1", "isakmp.ike.attr.type": str(kind), "isakmp.ike.attr.value": value}


AES = [attribute(1, "00:07"), attribute(14, "01:00"), attribute(2, "00:02"), attribute(4, "00:0e"), attribute(3, "fd:e9"), attribute(12, "0e:10")]
DES = [attribute(1, "00:05"), attribute(2, "00:01"), attribute(4, "00:02"), attribute(3, "00:01"), attribute(12, "00:00:70:80")]


def frame(**changed: Any) -> Frame:
    isakmp: dict[str, Any] = {
        "isakmp.ispi": "c7:81:fd:8c:d0:5a:d5:fd", "isakmp.version": "0x10", "isakmp.exchangetype": "2", "isakmp.flags": "0x00", "isakmp.length": "688",
        "isakmp.typepayload": ["1", "13", "13"],
        "isakmp.typepayload_tree": [
            {"isakmp.typepayload": "2", "isakmp.typepayload_tree": {
                "isakmp.typepayload": ["3", "3"], "isakmp.typepayload_tree": [{"isakmp.ike.attr": AES}, {"isakmp.ike.attr": DES}]}},
            {"isakmp.vid_bytes": "09:00:26:89:df:d6:b7:12"}, {"isakmp.vid_bytes": "af:ca"},
        ],
    }
    return Frame(number=1, layers={"ip": {"ip.src": "203.0.113.20", "ip.dst": "203.0.113.10"}, "isakmp": isakmp | changed})


def test_payloads_transforms_and_vendor_ids_are_in_their_order() -> None:
    (message,) = ikev1_messages([frame()])

    assert (message.source, message.destination, message.exchange, message.octets) == ("203.0.113.20", "203.0.113.10", "main mode", 688)
    assert message.payloads == ("SA", "V", "V")
    assert message.vendor_ids == ("09002689dfd6b712", "afca")
    assert message.transforms == (Transform(suite="AES-256/SHA1/14", authentication=65001, seconds=3600),
                                  Transform(suite="3DES/MD5/2", authentication=1, seconds=28800))


def test_of_an_encrypted_message_nothing_inside_is_told() -> None:
    (message,) = ikev1_messages([frame(**{"isakmp.flags": "0x01", "isakmp.exchangetype": "32", "isakmp.typepayload_tree": {}})])

    assert (message.encrypted, message.exchange, message.payloads, message.transforms) == (True, "quick mode", (), ())


def test_a_notify_has_its_name_and_an_unknown_one_its_number() -> None:
    frames = [frame(**{"isakmp.typepayload": "11", "isakmp.typepayload_tree": {"isakmp.notify.msgtype": number}}) for number in ("14", "40003")]

    assert [message.notifies for message in ikev1_messages(frames)] == [("NO_PROPOSAL_CHOSEN",), ("40003",)]


def test_ikev2_is_not_among_them() -> None:
    assert ikev1_messages([frame(**{"isakmp.version": "0x20"}), Frame(number=2, layers={"arp": {}})]) == []
