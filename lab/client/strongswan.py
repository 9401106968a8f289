"""Profiles as messages of charon's control protocol. Pure: no I/O here.

The pane's proposals are those of macOS 10.11 to 11 (logs of both ends of that range; inferred for 10.13), in their order.
"""

from __future__ import annotations

from lab.client.profile import Certificate, IKEv2, NoEAP, NoEAPSharedSecret, Username

CONNECTION, CHILD = "mac", "net"
ANYWHERE = "0.0.0.0/0"
PANE_IKE = ("aes256-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha256-modp1536", "aes128-sha1-modp1024", "3des-sha1-modp1024")
PANE_ESP = ("aes256-sha256", "aes128-sha1", "3des-sha1")
"""No group: a profile made in the pane cannot do PFS."""
PANE_LIFETIME, PROFILE_LIFETIME = 480, 1440 * 60
"""Seconds after which the IKE SA is rekeyed: of the pane eight minutes (a log of macOS 10.11; inferred for 10.13), of a .mobileconfig its
LifeTimeInMinutes, by default a day."""


def connection(profile: IKEv2, address: str, *, remote_id: str) -> dict[str, object]:
    """Return the connection.

    Args:
        profile: the profile.
        address: the server's address; charon never gets a name, it would ask /etc/hosts too.
        remote_id: what IDr says; "%any" sends none.
    """
    ike, child = profile.ike_parameters, profile.child_parameters
    esp = [child.proposal(group=profile.enable_pfs)] if child else list(PANE_ESP)
    own = profile.authentication
    identity = {"id": profile.identity} if profile.identity else {}  # without one charon calls itself by its address, as macOS does
    send_certificate = isinstance(own, NoEAP) and own.send_certificate
    return {CONNECTION: {
        "version": "2", "remote_addrs": [address], "vips": ["0.0.0.0"], "mobike": "yes", "fragmentation": "yes", "keyingtries": "1",
        "proposals": [ike.proposal(group=True)] if ike else list(PANE_IKE),
        "send_certreq": "no",  # macOS sends CERTREQ only with ServerCertificateIssuerCommonName
        "send_cert": "always" if send_certificate else "never",
        "rekey_time": f"{PROFILE_LIFETIME if ike else PANE_LIFETIME}s", "rand_time": "0s", "reauth_time": "0", "dpd_delay": "600s",  # "Medium": every ten minutes
        "local": {**_proof(profile), **identity},
        "remote": {"auth": "psk" if isinstance(own, NoEAPSharedSecret) else "pubkey", "id": remote_id},
        "children": {CHILD: {"remote_ts": [ANYWHERE], "esp_proposals": esp, "rekey_time": "0", "dpd_action": "clear"}},
    }}


def _proof(profile: IKEv2) -> dict[str, object]:
    """Return how the client proves itself. In EAP charon asks for the method that it is given here, when the server offers another (Nak)."""
    match profile.authentication:
        case NoEAPSharedSecret():
            return {"auth": "psk"}
        case NoEAP(certificate=own):
            return {"auth": "pubkey", "certs": [own.certificate_pem]}
        case Username():
            return {"auth": "eap-mschapv2", "eap_id": _eap_identity(profile)}
        case Certificate():  # named in no "certs", or charon would call itself by it in IDi; no name is compared with the server's inside TLS
            return {"auth": "eap-tls", "eap_id": _eap_identity(profile), "aaa_id": "%any"}


def _eap_identity(profile: IKEv2) -> str:
    """Return EAP's identity for charon, which would otherwise read some names as addresses, others as distinguished names."""
    return f"fqdn:{profile.eap_identity}"


def credentials(profile: IKEv2, roots: list[str]) -> list[tuple[str, dict[str, object]]]:
    """Return what loads the client's certificate and key, its shared secret or password, and the roots that it trusts (PEM)."""
    anchors: list[tuple[str, dict[str, object]]] = [("load_cert", {"type": "X509", "flag": "CA", "data": root}) for root in roots]
    if isinstance(profile.authentication, NoEAPSharedSecret):
        return [*anchors, ("load_shared", {"type": "IKE", "data": profile.authentication.secret.reveal(), "owners": []})]
    if isinstance(profile.authentication, Username):
        password = profile.authentication.password.reveal()
        return [*anchors, ("load_shared", {"type": "EAP", "data": password, "owners": []})]  # the only one; vici cuts the names of owners at 255
    identity = profile.authentication.certificate
    return [
        *anchors,
        ("load_cert", {"type": "X509", "flag": "NONE", "data": identity.certificate_pem}),
        ("load_key", {"type": "any", "data": identity.private_key_pem}),
    ]
