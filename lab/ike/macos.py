"""What macOS 10.13 sends, as data: proposals, the order of payloads, configuration attributes. Nothing here acts.

Source: logs of servers that Macs connected to (IKE_SA_INIT: Sierra, jawj/IKEv2-setup issue 12; IKE_AUTH: a client of 2017/18 and one
of 2020, hwdsl2/setup-ipsec-vpn issue 826; proposals: 10.11 and 11, which agree, so inferred for 10.13). No log of 10.13.6 is known.
"""

from __future__ import annotations

from lab.ike.bodies import Attribute
from lab.ike.proposals import Encryption, Hash, Suite

AES, TRIPLE_DES = Encryption.AES_CBC, Encryption.TRIPLE_DES
PANE_IKE = (
    Suite(AES, 256, Hash.SHA256, 14), Suite(AES, 256, Hash.SHA256, 19), Suite(AES, 256, Hash.SHA256, 5), Suite(AES, 128, Hash.SHA1, 2),
    Suite(TRIPLE_DES, 0, Hash.SHA1, 2),
)
"""Of a profile made in the Network pane. Their order stays as it is after INVALID_KE_PAYLOAD (inferred); charon's does not."""
PANE_ESP = tuple(Suite(suite.encryption, suite.bits, suite.hash) for suite in PANE_IKE)
"""One to each of IKE's, so AES-256 three times; no group."""
ATTRIBUTES = (
    Attribute.INTERNAL_IP4_ADDRESS, Attribute.INTERNAL_IP4_DHCP, Attribute.INTERNAL_IP4_DNS, Attribute.INTERNAL_IP4_NETMASK,
    Attribute.INTERNAL_IP6_ADDRESS, Attribute.INTERNAL_IP6_DHCP, Attribute.INTERNAL_IP6_DNS, Attribute.INTERNAL_DNS_DOMAIN,
)
"""Of the configuration request, in this order."""
INIT_ORDER = ("SA", "KE", "NONCE", "REDIRECT_SUPPORTED", "NAT_DETECTION_SOURCE_IP", "NAT_DETECTION_DESTINATION_IP",
              "IKEV2_FRAGMENTATION_SUPPORTED")
"""Payloads of IKE_SA_INIT; notifies by their names."""
AUTH_ORDER = ("IDI", "INITIAL_CONTACT", "MOBIKE_SUPPORTED", "IDR", "AUTH", "CERT", "CP", "ESP_TFC_PADDING_NOT_SUPPORTED",
              "NON_FIRST_FRAGMENTS_ALSO", "SA", "TSI", "TSR")
"""Payloads of the first IKE_AUTH. No CERTREQ: a Mac sends one only with ServerCertificateIssuerCommonName. With EAP: without AUTH and CERT."""
INVALID_KE_REPETITIONS = 1
"""How often the same request is repeated when the server names a group that no proposal has: a Mac loops "briefly" (log: jawj issue 12);
the number is inferred."""
