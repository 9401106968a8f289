"""IKEv2 policy: from registry numbers to proposals ([MS-RRASM] 2.2.3.4.2.8 and the enumerations in 2.2.1.2.237).

Without the key IKEv2CustomPolicy Windows accepts a list at Diffie-Hellman group 2 (inferred: the article saw macOS succeed there,
which the literal default tuple would refuse); with it, exactly the tuple of its six values, each with its own default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

INTEGRITY = {0: "md5", 1: "sha1", 2: "sha256", 3: "sha384"}
ENCRYPTION = {0: "des", 1: "3des", 2: "aes128", 3: "aes192", 4: "aes256"}
CIPHER = {1: "des", 2: "3des", 3: "aes128", 4: "aes192", 5: "aes256", 6: "aes128gcm16", 7: "aes192gcm16", 8: "aes256gcm16"}
AUTHENTICATION = {0: "md5", 1: "sha1", 2: "sha256", 3: "", 4: "", 5: ""}
"""3 to 5 are the integrity of AES-GCM, which needs the cipher 6 to 8."""
GROUPS = {0: "", 1: "modp768", 2: "modp1024", 3: "modp2048", 4: "ecp256", 5: "ecp384", 6: "modp2048s256"}
PFS_GROUPS = {0: "", 1: "modp768", 2: "modp1024", 3: "modp2048", 4: "ecp256", 5: "ecp384", 6: "same", 7: "modp2048s256"}
DEFAULTS = {"IntegrityMethod": 2, "EncryptionMethod": 4, "CipherTransformConstant": 2, "AuthTransformConstant": 2, "PfsGroup": 3,
            "DHGroup": 2}
TABLES: Mapping[str, Mapping[int, str]] = {
    "IntegrityMethod": INTEGRITY, "EncryptionMethod": ENCRYPTION, "CipherTransformConstant": CIPHER,
    "AuthTransformConstant": AUTHENTICATION, "PfsGroup": PFS_GROUPS, "DHGroup": GROUPS,
}
STOCK_IKE = ("aes256-aes192-aes128-3des-sha384-sha256-sha1-prfsha384-prfsha256-prfsha1-modp1024",)
"""One proposal with a choice of each transform; the group is always 2."""
STOCK_ESP = ("aes256-sha1", "aes128-sha1", "3des-sha1", "aes256-sha256", "aes128-sha256", "3des-sha256")
EVENT_OUT_OF_RANGE = 20101


class UnknownPolicy(Exception):
    """The twin does not know what Windows would make of these values, and does not guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the responder accepts, as charon's proposals."""

    ike: tuple[str, ...]
    esp: tuple[str, ...]
    """For the first child SA, which has no group of its own, and for rekeys."""
    pfs: str
    """Group that a rekey of a child SA must have; empty: none."""
    problems: tuple[str, ...] = ()
    """Values out of range, which were replaced by their defaults."""


def stock_policy() -> Policy:
    """Return what a server without IKEv2CustomPolicy accepts."""
    return Policy(ike=STOCK_IKE, esp=STOCK_ESP, pfs="")


def custom_policy(values: Mapping[str, object]) -> Policy:
    """Return what a server with IKEv2CustomPolicy accepts.

    Args:
        values: the key's values by name; absent ones have their defaults, ones out of range too, and are reported.

    Raises:
        UnknownPolicy: an integrity that belongs to AES-GCM stands beside another cipher.
    """
    numbers = dict(DEFAULTS)
    problems = []
    for name, default in DEFAULTS.items():
        value = values.get(name)
        if value is None:
            continue
        if isinstance(value, int) and value in TABLES[name]:
            numbers[name] = value
        else:
            problems.append(f"{name}={value} is out of range; {default} is used")
    integrity, encryption = INTEGRITY[numbers["IntegrityMethod"]], ENCRYPTION[numbers["EncryptionMethod"]]
    group = GROUPS[numbers["DHGroup"]]
    cipher, authentication = CIPHER[numbers["CipherTransformConstant"]], AUTHENTICATION[numbers["AuthTransformConstant"]]
    pfs = PFS_GROUPS[numbers["PfsGroup"]]
    if authentication == "" and "gcm" not in cipher:
        pair = f"AuthTransformConstant={numbers['AuthTransformConstant']} with CipherTransformConstant={numbers['CipherTransformConstant']}"
        raise UnknownPolicy(f"{pair}: what Windows makes of this pair is not documented")
    ike = "-".join(part for part in (encryption, integrity, group) if part)
    esp = "-".join(part for part in (cipher, authentication) if part)
    return Policy(ike=(ike,), esp=(esp,), pfs=group if pfs == "same" else pfs, problems=tuple(problems))
