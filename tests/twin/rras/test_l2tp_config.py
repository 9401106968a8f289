"""L2TP of the twin as messages and files: what Windows accepts, and what pppd reads whatever is in a name or a password."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lab.twin.rras import l2tp_config
from lab.twin.rras.l2tp_config import L2tp, Session

SETTINGS = L2tp(secret="s3cret", users={"vpnuser": "passw0rd"}, endpoints=2)
OWN = IPv4Address("192.168.77.200")


def test_main_mode_and_quick_mode_are_windows_in_its_order() -> None:
    connection = l2tp_config.connection_message(SETTINGS)["incoming-l2tp"]

    assert isinstance(connection, dict)
    assert connection["proposals"] == ["aes256-sha1-ecp384", "aes128-sha1-ecp256", "aes256-sha1-modp2048", "3des-sha1-modp2048",
                                       "3des-sha1-modp1024"]
    assert (connection["version"], connection["aggressive"]) == ("1", "no")
    assert (connection["local"], connection["remote"]) == ({"auth": "psk"}, {"auth": "psk", "id": "%any"})  # one each: no XAUTH
    child = connection["children"]["l2tp"]
    assert child["esp_proposals"] == ["aes256-sha1", "aes128-sha1", "3des-sha1"]
    assert (child["mode"], child["local_ts"], child["remote_ts"]) == ("transport", ["dynamic[udp/1701]"], ["dynamic[udp]"])


@pytest.mark.parametrize(("certificate", "local"), [("", {"auth": "pubkey"}), ("pem", {"auth": "pubkey", "certs": ["pem"]})])
def test_certificates_have_a_connection_of_their_own_which_is_else_the_same(certificate: str, local: dict[str, object]) -> None:
    by_secret = l2tp_config.connection_message(SETTINGS)["incoming-l2tp"]
    by_certificate = l2tp_config.certificate_message(replace(SETTINGS, certificate=certificate))["incoming-l2tp-certificate"]

    assert isinstance(by_secret, dict)
    assert isinstance(by_certificate, dict)
    assert by_certificate == by_secret | {"local": local, "remote": {"auth": "pubkey", "id": "%any"}}
    assert by_certificate["send_cert"] == "always"  # a Mac fails without it, whether it asked for one or not


def test_l2tp_in_clear_is_discarded_for_this_address_and_port_only() -> None:
    connection = l2tp_config.clear_message(IPv4Address("203.0.113.10"))["l2tp-clear"]

    assert isinstance(connection, dict)
    assert connection["remote_addrs"] == ["127.0.0.1"]  # a connection for nobody else: a peer would be offered charon's own proposals
    assert connection["children"] == {"l2tp-clear": {
        "mode": "drop", "local_ts": ["203.0.113.10/32[udp/1701]"], "remote_ts": ["0.0.0.0/0[udp]"], "start_action": "trap"}}


def test_neither_secret_nor_passwords_show() -> None:
    assert "s3cret" not in repr(SETTINGS)
    assert "passw0rd" not in repr(SETTINGS)
    assert l2tp_config.secret_message("s3cret") == {"id": "l2tp-secret", "type": "IKE", "data": "s3cret", "owners": []}


def test_xl2tpd_listens_on_the_outer_address_and_counts_clients_by_addresses_that_nobody_has() -> None:
    lines = l2tp_config.xl2tpd(IPv4Address("203.0.113.10"), 2).splitlines()

    assert "listen-addr = 203.0.113.10" in lines
    assert [line for line in lines if line.startswith("ip range")] == ["ip range = 192.0.2.1", "ip range = 192.0.2.2"]
    assert not any(line.startswith("ip range") for line in l2tp_config.xl2tpd(IPv4Address("203.0.113.10"), 0).splitlines())


@pytest.mark.parametrize(("own", "option"), [(OWN, "192.168.77.200:"), (None, "192.0.2.0:")])
def test_pppd_has_the_servers_inner_address_or_one_that_nobody_has(own: IPv4Address | None, option: str) -> None:
    """pppd alone: an address that xl2tpd has could not come while it serves."""
    assert option in l2tp_config.ppp_options(SETTINGS, own).splitlines()
    assert not any(line.startswith("local ip") for line in l2tp_config.xl2tpd(IPv4Address("203.0.113.10"), 2).splitlines())


def test_pppd_wants_one_authentication() -> None:
    lines = l2tp_config.ppp_options(SETTINGS, OWN).splitlines()

    assert lines[0] == "plugin /usr/local/lib/lab/pppd-addresses.so"
    assert {"auth", "require-mschap-v2", "noccp", "mtu 1400", "mru 1400"} <= set(lines)
    assert [line for line in lines if line.startswith("require")] == ["require-mschap-v2"]
    assert "require-chap" in l2tp_config.ppp_options(replace(SETTINGS, authentication="chap"), OWN).splitlines()  # inverted


def test_pppds_hook_lies_where_programs_may_be_started() -> None:
    """Debian mounts /run noexec; the guest, whose /run is ours, would not show it."""
    assert f"ip-up-script {l2tp_config.UP}" in l2tp_config.ppp_options(SETTINGS, OWN).splitlines()
    assert not l2tp_config.UP.startswith(("/run/", "/tmp/", "/dev/"))


@pytest.mark.parametrize(("name", "password", "line"), [
    ("vpnuser", "pass", '"vpnuser" server "pass" *'), ("vpn user", 'a"b', '"vpn user" server "a\\"b" *'),
    ("ü", "a\\b", '"ü" server "a\\\\b" *'), ("#", "", '"#" server "" *'),
])
def test_users_are_written_as_pppd_reads_them(name: str, password: str, line: str) -> None:
    lines = l2tp_config.chap_secrets(replace(SETTINGS, users={name: password})).splitlines()

    assert lines[0] == line
    assert lines[1].startswith('* server "')
    assert len(lines) == 2


def test_who_may_not_dial_in_is_written_as_the_plugin_reads_it() -> None:
    assert l2tp_config.refused(SETTINGS) == ""
    assert l2tp_config.refused(replace(SETTINGS, refusals={"vpn user": 649, "off": 647})) == "649 vpn user\n647 off\n"
    assert f"plugin {l2tp_config.USERS_PLUGIN}" in l2tp_config.ppp_options(SETTINGS, OWN).splitlines()


def test_whoever_is_unknown_has_another_password_each_time() -> None:
    assert l2tp_config.chap_secrets(SETTINGS) != l2tp_config.chap_secrets(SETTINGS)


def test_an_inverted_server_takes_any_name_with_a_password_that_it_knows() -> None:
    inverted = replace(SETTINGS, checks_names=False)

    assert l2tp_config.chap_secrets(inverted).splitlines() == ['"vpnuser" server "passw0rd" *', '* server "passw0rd" *']


def test_a_line_of_the_hook_is_a_session() -> None:
    assert l2tp_config.session_of("ppp0\t192.168.77.209\t41\tvpn user\n") == Session(interface="ppp0", address="192.168.77.209", pid=41,
                                                                                  user="vpn user")


@pytest.mark.parametrize("line", ["", "ppp0\t192.168.77.209\n", "ppp0\t192.168.77.209\tx\tvpnuser\n"])
def test_another_line_is_none(line: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid literal"):
        l2tp_config.session_of(line)
