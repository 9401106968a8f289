r"""New-SelfSignedCertificate, as far as the article's line goes: RSA, -Type Custom, basic constraints as text.

The certificate and its key lie in Cert:\CurrentUser\My or Cert:\LocalMachine\My, the only two stores that the cmdlet writes to.

Source: MicrosoftDocs/windows-powershell-docs, pki, New-SelfSignedCertificate: valid for a year, from ten minutes ago; for signatures and key
encipherment unless -KeyUsage says otherwise; the extension 2.5.29.19 in the form oid={text}token=value.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from cryptography import x509

from lab.twin.commands.certificates import as_object
from lab.twin.commands.services import machine_of
from lab.twin.powershell.convert import to_integer, to_text
from lab.twin.powershell.dates import DateTime
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.windows.issuing import USAGES, Wanted, self_signed

STORE = re.compile(r"Cert:\\(CurrentUser|LocalMachine)\\My\\?", re.I)  # Cert:\CurrentUser\My
CONSTRAINT = re.compile(r"2\.5\.29\.19=\{text\}ca=(true|false|1|0)", re.I)  # 2.5.29.19={text}CA=True
DAY = re.compile(r"\d{4}-\d\d-\d\d")  # 2061-08-01
DEFAULT_USAGES = frozenset({"DigitalSignature", "KeyEncipherment"})
LENGTHS = (1024, 2048, 3072, 4096)


def _moment(call: Call, parameter: str, default: dt.datetime) -> dt.datetime:
    """Return a point in time: an object, or a day as text, which every culture reads alike."""
    value = call.value(parameter)
    if value is None:
        return default
    if isinstance(value, DateTime):
        return value.value
    if DAY.fullmatch(to_text(value)):
        return dt.datetime.fromisoformat(to_text(value)).replace(tzinfo=dt.UTC)
    raise NotSupportedByTwin(f"{call.name} -{parameter} {to_text(value)} (write 2061-08-01)")


def _only(call: Call, parameter: str, *allowed: str) -> None:
    if call.has(parameter) and call.text(parameter).lower() not in (one.lower() for one in allowed):
        raise NotSupportedByTwin(f"{call.name} -{parameter} {call.text(parameter)} (it knows {', '.join(allowed)})")


def _subject(call: Call) -> x509.Name:
    text = call.text("Subject")
    try:
        name = x509.Name.from_rfc4514_string(text if "=" in text else f"CN={text}")
    except ValueError:
        raise NotSupportedByTwin(f"{call.name} -Subject {text}") from None
    if len(name.rdns) != 1:
        raise NotSupportedByTwin(f"{call.name} -Subject with several parts: {text}")
    return name


def _authority(call: Call) -> bool | None:
    extensions = call.strings("TextExtension")
    found = [CONSTRAINT.fullmatch(one) for one in extensions]
    if len(extensions) > 1 or None in found:
        raise NotSupportedByTwin(f"{call.name} -TextExtension {', '.join(extensions)}")
    return None if not found or found[0] is None else found[0][1].lower() in ("true", "1")


def _usages(call: Call) -> frozenset[str]:
    if not call.has("KeyUsage"):
        return DEFAULT_USAGES
    asked = {part.strip() for one in call.strings("KeyUsage") for part in one.split(",")}
    if asked == {"None"}:
        return frozenset()
    known = {name.lower(): name for name in USAGES}
    if strange := [one for one in asked if one.lower() not in known]:
        raise NotSupportedByTwin(f"{call.name} -KeyUsage {sorted(strange)[0]}")
    return frozenset(known[one.lower()] for one in asked)


@cmdlet("New-SelfSignedCertificate", "[string] CertStoreLocation, [string] Subject mandatory, [string] Type mandatory, [string] KeyAlgorithm,"
        " [int] KeyLength, [string] KeyExportPolicy, [string[]] KeyUsage, [string] HashAlgorithm, [object] NotBefore, [object] NotAfter,"
        " [string[]] TextExtension")
def new_self_signed_certificate(call: Call) -> Iterator[object]:
    """Make a certificate and its key, and put them into a store."""
    _only(call, "Type", "Custom")
    _only(call, "KeyAlgorithm", "RSA")
    _only(call, "HashAlgorithm", "SHA256")
    _only(call, "KeyExportPolicy", "Exportable", "ExportableEncrypted", "NonExportable")
    place = STORE.fullmatch(call.text("CertStoreLocation", r"Cert:\LocalMachine\My"))
    length = to_integer("int", call.value("KeyLength")) if call.has("KeyLength") else 2048
    if place is None or length not in LENGTHS:
        raise NotSupportedByTwin(f"{call.name} in {call.text('CertStoreLocation')}, or with a key of {length} bits")
    begin = _moment(call, "NotBefore", dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10))
    end = _moment(call, "NotAfter", begin.replace(year=begin.year + 1) if (begin.month, begin.day) != (2, 29) else begin + dt.timedelta(days=365))
    if end <= begin:
        raise NotSupportedByTwin(f"{call.name} that ends before it begins")
    stores = machine_of(call).certificates if place[1].lower() == "localmachine" else machine_of(call).user_certificates
    exportable = call.text("KeyExportPolicy", "ExportableEncrypted").lower() != "nonexportable"
    made = stores.keep_key(self_signed(Wanted(subject=_subject(call), not_before=begin, not_after=end, key_length=length, usages=_usages(call),
                                              authority=_authority(call), exportable=exportable)))
    stores.add("My", made)
    yield as_object(made)
