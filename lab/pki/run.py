"""The certificates of one run, made when they are first asked for; keys are shared among variants of one holder."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.pki.authority import CLIENT_USAGES, SERVER_USAGES, Authority, Identity

CLIENT_NAME = "mac.example.test"


MANY = 40
"""Names of a large certificate: 1.4 KB more."""


def _names(first: str) -> list[x509.GeneralName]:
    return [x509.DNSName(first), *(x509.DNSName(f"another-name-{number:03}.{first}") for number in range(MANY))]


def _yesterday() -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


class RunPki:
    """What a run's server and clients hold, right and wrong. A variant differs from the right one in what its name says."""

    def __init__(self, server_name: str) -> None:
        self.server_name = server_name

    def warm(self) -> None:
        """Make what every path needs; the rest is made when it is first asked for."""
        _ = self.authority, self.server, self.client

    @cached_property
    def authority(self) -> Authority:
        """The lab's root, trusted by server and client."""
        return Authority("Lab root")

    @cached_property
    def other_authority(self) -> Authority:
        """A root that nobody trusts."""
        return Authority("Other root")

    @cached_property
    def authority_without_basic_constraints(self) -> Authority:
        """The article's first mistake."""
        return Authority("Lab root without BasicConstraints", basic_constraints=False)

    # -- servers ------------------------------------------------------------------------------------------------------

    @cached_property
    def server(self) -> Identity:
        """The right one."""
        return self.authority.issue(self.server_name, usages=SERVER_USAGES)

    @cached_property
    def server_common_name_only(self) -> Identity:
        """No subjectAltName."""
        return self.authority.issue(self.server_name, usages=SERVER_USAGES, names=[], key=self.server.key)

    @cached_property
    def server_other_name(self) -> Identity:
        """Another name in CN and SAN."""
        return self.authority.issue("other.example.test", usages=SERVER_USAGES, key=self.server.key)

    @cached_property
    def server_without_server_auth(self) -> Identity:
        """Has clientAuth instead of serverAuth."""
        return self.authority.issue(self.server_name, usages=CLIENT_USAGES, key=self.server.key)

    @cached_property
    def server_expired(self) -> Identity:
        """Ended yesterday."""
        return self.authority.issue(self.server_name, usages=SERVER_USAGES, key=self.server.key, until=_yesterday())

    @cached_property
    def server_of_other_authority(self) -> Identity:
        """Issued by the root that nobody trusts."""
        return self.other_authority.issue(self.server_name, usages=SERVER_USAGES, key=self.server.key)

    @cached_property
    def server_large(self) -> Identity:
        """Has so many names that an IKE_AUTH with it does not fit into one packet."""
        return self.authority.issue(self.server_name, usages=SERVER_USAGES, names=_names(self.server_name), key=self.server.key)

    # -- clients ------------------------------------------------------------------------------------------------------

    @cached_property
    def client(self) -> Identity:
        """The right one."""
        return self.authority.issue(CLIENT_NAME, usages=CLIENT_USAGES)

    def another_client(self, name: str) -> Identity:
        """Return a right one for a further client; the key is shared, the certificate is not."""
        return self.authority.issue(name, usages=CLIENT_USAGES, key=self.client.key)

    @cached_property
    def client_large(self) -> Identity:
        """Has so many names that an IKE_AUTH with it does not fit into one packet."""
        return self.authority.issue(CLIENT_NAME, usages=CLIENT_USAGES, names=_names(CLIENT_NAME), key=self.client.key)

    @cached_property
    def client_expired(self) -> Identity:
        """Ended yesterday."""
        return self.authority.issue(CLIENT_NAME, usages=CLIENT_USAGES, key=self.client.key, until=_yesterday())

    @cached_property
    def client_of_other_authority(self) -> Identity:
        """Issued by the root that nobody trusts."""
        return self.other_authority.issue(CLIENT_NAME, usages=CLIENT_USAGES, key=self.client.key)

    @cached_property
    def client_revoked(self) -> Identity:
        """On the revocation list."""
        return self.authority.issue("revoked.example.test", usages=CLIENT_USAGES, key=self.client.key)

    @cached_property
    def revocation_list(self) -> bytes:
        """CRL of the lab's root, DER."""
        return self.authority.revoke(self.client_revoked).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """Certificate and key of a TLS listener, and the root that a client checks it against; all PEM."""

    certificate_pem: str
    private_key_pem: str
    root_pem: str


def winrm_identity() -> TlsIdentity:
    """Return what the twin's HTTPS listener shows to a client that reaches it at 127.0.0.1."""
    authority = Authority("Lab WinRM root")
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    identity = authority.issue("localhost", usages=SERVER_USAGES, names=names)
    return TlsIdentity(certificate_pem=identity.certificate_pem, private_key_pem=identity.private_key_pem,
                       root_pem=authority.certificate_pem)
