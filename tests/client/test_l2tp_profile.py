"""L2TP profiles: every refusal with its text, and the translation for charon, xl2tpd and pppd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lab.client import l2tp_config
from lab.client.l2tp_profile import L2TP, MachineCertificate, SharedSecret, UserAuthentication, l2tp_from_fields
from lab.errors import ConfigError, ProfileRefused
from lab.pki import RunPki
from lab.secrets import Secret

PROFILE = L2TP(server_address="203.0.113.10", account="vpnuser", password=Secret("pass word"), machine=SharedSecret(secret=Secret("s3cret")))


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_right_profile_passes() -> None:
    PROFILE.check()


@pytest.mark.parametrize(("changed", "message"), [
    (replace(PROFILE, server_address=""), "the field Server Address is empty"),
    (replace(PROFILE, account=""), "the field Account Name is empty"),
    (replace(PROFILE, machine=SharedSecret(secret=Secret(""))), "the field Shared Secret is empty"),
    (replace(PROFILE, group_name="sales"), "the field Group Name is 'sales': with a shared secret it means aggressive mode"),
    (replace(PROFILE, account="a\nb"), "the field Account Name has a line break or a NUL, which the pane takes from nobody"),
    (replace(PROFILE, password=Secret("a\0b")), "the field Password has a line break or a NUL, which the pane takes from nobody"),
])
def test_a_wrong_field_is_refused(changed: L2TP, message: str) -> None:
    with pytest.raises(ProfileRefused) as refused:
        changed.check()

    assert refused.value.message == message


@pytest.mark.parametrize(("kind", "reason"), [
    ("RSA SecurID", "EAP-RSA"), ("Certificate", "EAP-TLS"), ("Kerberos", "EAP-KRB"), ("CryptoCard", "a token card"),
])
def test_four_user_authentications_are_refused_with_the_reason(kind: str, reason: str) -> None:
    with pytest.raises(ProfileRefused) as refused:
        replace(PROFILE, user_authentication=UserAuthentication(kind)).check()

    assert refused.value.message.startswith(f"user authentication {kind!r}: it needs ")
    assert reason in refused.value.message


def test_the_pane_has_five_user_authentications() -> None:
    assert [one.value for one in UserAuthentication] == ["Password", "RSA SecurID", "Certificate", "Kerberos", "CryptoCard"]


@pytest.mark.parametrize(("values", "message"), [
    ({"server": "203.0.113.10"}, "an L2TP profile has no field 'server'"), ({"server_address": "203.0.113.10"}, "the L2TP profile is incomplete"),
])
def test_fields_by_name(values: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        l2tp_from_fields(values)
    assert l2tp_from_fields({"server_address": "203.0.113.10", "account": "vpnuser", "password": Secret("pass word"),
                             "machine": SharedSecret(secret=Secret("s3cret"))}) == PROFILE


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(PROFILE)
    assert "pass word" not in repr(PROFILE)


# -- charon -------------------------------------------------------------------------------------------------------------


def test_the_connection_is_what_macos_proposes() -> None:
    connection = l2tp_config.connection(PROFILE, "203.0.113.10", port=50000)["mac-l2tp"]

    assert isinstance(connection, dict)
    assert connection["proposals"] == [
        "aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes256-md5-modp2048", "aes256-sha512-modp2048", "aes256-sha256-modp1536",
        "aes256-sha1-modp1536", "aes256-md5-modp1536", "aes256-sha256-modp1024", "aes256-sha1-modp1024", "aes256-md5-modp1024",
        "aes128-sha1-modp1024", "aes128-md5-modp1024", "3des-sha1-modp1024", "3des-md5-modp1024"]
    assert (connection["version"], connection["aggressive"], connection["local"]) == ("1", "no", {"auth": "psk"})
    assert (connection["reauth_time"], connection["over_time"]) == ("3240s", "360s")  # announced as their sum
    child = connection["children"]["l2tp"]
    assert child["esp_proposals"] == ["aes256-sha1", "aes256-md5", "aes128-sha1", "aes128-md5", "3des-sha1", "3des-md5"]
    assert (child["mode"], child["local_ts"], child["remote_ts"]) == ("transport", ["dynamic[udp/50000]"], ["dynamic[udp/1701]"])


def test_the_secret_is_in_the_credentials_only() -> None:
    assert l2tp_config.credentials(PROFILE, ["a root"]) == [("load_shared", {"type": "IKE", "data": "s3cret", "owners": []})]
    assert "s3cret" not in str(l2tp_config.connection(PROFILE, "203.0.113.10", port=50000))


def test_a_certificate_changes_the_authentication_and_nothing_else() -> None:
    identity = RunPki("vpn.example.test").client
    profile = replace(PROFILE, machine=MachineCertificate(certificate=identity), group_name="ignored: always main mode")
    profile.check()
    with_secret, connection = (l2tp_config.connection(one, "203.0.113.10", port=50000)["mac-l2tp"] for one in (PROFILE, profile))

    assert isinstance(connection, dict)
    assert isinstance(with_secret, dict)
    assert {name for name in connection if connection[name] != with_secret[name]} == {"local", "remote"}
    assert (connection["local"], connection["remote"]) == ({"auth": "pubkey", "certs": [identity.certificate_pem]}, {"auth": "pubkey", "id": "%any"})
    assert l2tp_config.credentials(profile, ["a root"]) == [
        ("load_cert", {"type": "X509", "flag": "CA", "data": "a root"}), ("load_cert", {"type": "X509", "flag": "NONE", "data": identity.certificate_pem}),
        ("load_key", {"type": "any", "data": identity.private_key_pem})]


# -- xl2tpd and pppd ----------------------------------------------------------------------------------------------------


def test_xl2tpd_dials_once_from_a_port_of_its_own() -> None:
    lines = l2tp_config.xl2tpd("203.0.113.10", port=50000).splitlines()

    assert {"port = 50000", "lns = 203.0.113.10", "autodial = yes", "redial = no"} <= set(lines)
    assert {"force userspace = yes", "length bit = yes"} <= set(lines)  # a data header of 8 bytes


def test_pppd_refuses_no_authentication_and_asks_for_none() -> None:
    lines = l2tp_config.ppp_options(PROFILE).splitlines()

    assert {"noauth", "usepeerdns", "noccp", "nodefaultroute", "mtu 1280", "mru 1500", "asyncmap 0"} <= set(lines)
    assert not [line for line in lines if line.startswith(("refuse", "require", "+"))]
    assert {'user "vpnuser"', 'password "pass word"'} <= set(lines)


@pytest.mark.parametrize(("word", "written"), [
    ("plain", '"plain"'), ("two words", '"two words"'), ('a"b', '"a\\"b"'), ("a\\b", '"a\\\\b"'), ("#", '"#"'), ("ü", '"ü"'), ("", '""'),
])
def test_words_are_quoted_as_pppd_reads_them(word: str, written: str) -> None:
    assert l2tp_config.quoted(word) == written
