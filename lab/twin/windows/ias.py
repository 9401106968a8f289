r"""ias.xml: what the policy engine inside RemoteAccess allows a client to authenticate with.

Owns the file's path, its content on a stock Windows 10 (ias.xml beside this module), and reading it; who may write it is `rights.py`'s.
Rule: what is not there is not allowed, and a file that cannot be read is an error, never an empty policy.

Documented: numbers of authentication types (sdoias.h, AUTHENTICATION_TYPE) and EAP types (sdo-np-allowed-eap-type); public exports of Network
Policy Servers show the shape, `dt:dt`, both policies by these names in RadiusProfiles and NetworkPolicy, `_locDefinition`, Version 257, and
an EAP type as 16 octets of which the first is the type. Observed (the article): the path, the section, and that a stock Windows 10 lacks 5 and
11 among its authentication types and 25 among its EAP types. Inferred: the rest of the stock content, the server's default without what the
article had to add, in UTF-8 without a byte order mark; and that no other section has a say, since each client of RRAS matches MS-RAS-Vendor.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

IAS_XML = r"C:\Windows\System32\ias\ias.xml"
SECTION = "Connections_to_Microsoft_Routing_and_Remote_Access_server"
"""Name of the element that allows; the display name beside it (`name`) is translated, as `_locTag` says."""
PATH = ("Children", "Microsoft_Internet_Authentication_Service", "Children", "RadiusProfiles", "Children", SECTION, "Properties")
"""Where it lies below Root."""
AUTHENTICATION_TYPE, EAP_TYPE = "msNPAuthenticationType2", "msNPAllowedEapType"
IAS_AUTH_EAP, IAS_AUTH_PEAP = 5, 11
EAP_TLS, EAP_PEAP, EAP_MSCHAPV2 = 13, 25, 26
WITHOUT_VENDOR = "00" * 15
"""The octets behind a type of the IETF's."""


class PolicyUnreadable(Exception):
    """The file says nothing that can be obeyed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{IAS_XML} cannot be read: {reason}")
        self.reason = reason
        """What is wrong, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """What is allowed to clients of RRAS."""

    authentication_types: frozenset[int]
    """IAS_AUTH_…, sdoias.h."""
    eap_types: frozenset[int]
    """Types of the IETF's EAP registry."""

    @property
    def methods(self) -> frozenset[int]:
        """EAP types that may be used: none without IAS_AUTH_EAP, PEAP only with IAS_AUTH_PEAP as well (the article)."""
        if IAS_AUTH_EAP not in self.authentication_types:
            return frozenset()
        return self.eap_types if IAS_AUTH_PEAP in self.authentication_types else self.eap_types - {EAP_PEAP}


@cache
def stock_policy() -> bytes:
    """Return the file of a stock Windows 10."""
    with open(os.path.join(os.path.dirname(__file__), "ias.xml"), "rb") as file:  # noqa: PTH118, PTH120, PTH123 - pathlib costs as much as a process
        return file.read()


def read_access_policy(content: bytes | None) -> AccessPolicy:
    """Return what a file allows.

    Args:
        content: the file; None when there is none.

    Raises:
        PolicyUnreadable: absent, not well-formed, with a document type (whose entities are never looked at), without the section, or with a
            value that is no number or no EAP type.
    """
    from defusedxml import DTDForbidden  # noqa: PLC0415 - only EAP needs a parser of XML
    from defusedxml.ElementTree import ParseError, fromstring  # noqa: PLC0415

    if content is None:
        raise PolicyUnreadable("there is no such file")
    try:
        root = fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise PolicyUnreadable(f"it is not well-formed ({error})") from error
    except DTDForbidden as error:
        raise PolicyUnreadable("it has a document type, which no file of Windows' has") from error
    except (ValueError, LookupError) as error:
        raise PolicyUnreadable("it names an encoding that is unknown") from error
    properties = _section(root)
    return AccessPolicy(
        authentication_types=frozenset(map(_number, properties.iterfind(AUTHENTICATION_TYPE))),
        eap_types=frozenset(map(_eap_type, properties.iterfind(EAP_TYPE))))


def _section(root: Element) -> Element:
    if root.tag != "Root":
        raise PolicyUnreadable(f"it begins with <{root.tag}>, expected <Root>")
    place = root
    for depth, name in enumerate(PATH):
        below = place.find(name)
        if below is None:
            raise PolicyUnreadable(f"{'/'.join(('Root', *PATH[:depth]))} has no {name}")
        place = below
    return place


def _text(value: Element) -> str:
    return (value.text or "").strip()


def _number(value: Element) -> int:
    try:
        return int(_text(value))
    except ValueError:
        raise PolicyUnreadable(f"{AUTHENTICATION_TYPE} is '{_text(value)}', expected a number") from None


def _eap_type(value: Element) -> int:
    text = _text(value).lower()
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        octets = b""
    if len(octets) != 16 or not text.endswith(WITHOUT_VENDOR):
        raise PolicyUnreadable(f"{EAP_TYPE} is '{text}', expected 16 octets of which the first is the type and the others are 0")
    return octets[0]

