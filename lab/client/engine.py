"""Which program carries out a profile for VPN Type "IKEv2": charon, which is independent of us, or our own initiator (lab/ike).

No field of the pane: a Mac has one program. Charon knows no PEAP (Debian builds none) and Naks it, so where the server is to offer PEAP a test
asks for the initiator, which takes whichever of a Mac's two password methods it is offered.
"""

from __future__ import annotations

from enum import StrEnum

from lab.client.profile import Certificate, IKEv2, Username
from lab.ike.trust import dns_names


class Engine(StrEnum):
    """A program that connects."""

    CHARON = "charon"
    OWN = "own"


def engine_for(profile: IKEv2) -> Engine:
    """Return charon unless it would do something else than a Mac (strongSwan 6.0.1): it takes each octet of a password for a character
    (eap_mschapv2.c), vici takes names in ASCII only, and a name that begins with "#" for hexadecimal octets (identification.c); and it does not find
    a certificate for EAP-TLS by its CN."""
    own = profile.authentication
    if isinstance(own, Username) and (not (own.account + own.password.reveal()).isascii() or own.account.startswith("#")):
        return Engine.OWN
    if isinstance(own, Certificate) and not dns_names(own.certificate.certificate):
        return Engine.OWN
    return Engine.CHARON
