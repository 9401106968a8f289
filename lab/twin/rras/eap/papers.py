r"""What the program finds on the machine when it starts: its certificate, the roots that it trusts, whom the security authority lets log on. Pure.

The certificate is the one whose thumbprint the program was given, else the one with a private key and serverAuth that is valid longest
(docs/eaphost.md). The security authority lets nobody log on over the network whose account is disabled or has no password (learn.microsoft.com,
"Accounts: Limit local account use of blank passwords to console logon only").
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab.twin.rras.roots import as_authorities
from lab.twin.windows.certificates import Stored
from lab.twin.windows.users import Account

SEPARATORS = frozenset("\t\r\n")
"""What a line of the accounts cannot carry; nobody can type it at a client either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """The program's files; each is empty where there is none."""

    users: str | None = field(repr=False)
    """A line for each account; None: the caller checks passwords."""
    certificate: str
    key: str = field(repr=False)
    roots: str

    def files(self) -> dict[str, str]:
        """Return content by the program's option. Without certificate or roots there is no TLS, so neither EAP-TLS nor PEAP."""
        tls = {"certificate": self.certificate, "key": self.key, "roots": self.roots}
        return ({} if self.users is None else {"users": self.users}) | (tls if all(tls.values()) else {})


def accounts_file(accounts: Iterable[Account], *, disabled_too: bool = False) -> str:
    """Return the accounts that the security authority lets log on: name, tab, password, a line each."""
    fit = [one for one in accounts if one.password and (one.enabled or disabled_too) and not SEPARATORS & set(one.name + one.password)]
    return "".join(f"{one.name}\t{one.password}\n" for one in fit)


def own_certificate(mine: Sequence[Stored], thumbprint: str, now: dt.datetime) -> Stored | None:
    """Return the certificate that the program shows; None: it has none."""
    with_key = [one for one in mine if one.key is not None]
    if thumbprint:
        return next((one for one in with_key if one.thumbprint == thumbprint.upper()), None)
    fit = [one for one in with_key if _serves(one.certificate) and one.certificate.not_valid_before_utc <= now <= one.certificate.not_valid_after_utc]
    return max(fit, key=lambda one: one.certificate.not_valid_after_utc, default=None)


def _serves(certificate: x509.Certificate) -> bool:
    """Whether a certificate is for servers: it says so, or does not say what it is for."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usage


def papers(own: Stored | None, roots: Iterable[x509.Certificate], users: str | None) -> Papers:
    """Return certificate, key and roots as PEM, the roots as OpenSSL takes them (roots.py)."""
    taken = [one for root in roots for one in as_authorities(root)]
    if own is None or own.key is None:
        return Papers(users=users, certificate="", key="", roots="")
    key = own.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Papers(users=users, certificate=_pem(own.certificate), key=key.decode(), roots="".join(_pem(one) for one in taken))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
