"""Every combination of machine and user authentication of macOS's IKEv1 types has its verdict and its cause: authentications.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.cisco import CiscoPath
from fixtures.l2tp import L2tpPath
from fixtures.planes import LookAtWire, must_carry, must_not_reach
from fixtures.roles import Client, LanHost, Server
from lab.client.cisco_profile import CiscoIPSec
from lab.client.l2tp_profile import L2TP, MachineCertificate, SharedSecret, UserAuthentication
from lab.client.vpn_types import profile_from_fields
from lab.errors import ProfileRefused
from lab.secrets import Secret
from lab.yamlfile import read_yaml

pytestmark = pytest.mark.requires("l2tp")
TABLE = Path(__file__).with_name("authentications.yaml")
MACHINES = ("Shared Secret", "Certificate", "none")
L2TP_TYPE, CISCO_TYPE = "L2TP over IPSec", "Cisco IPSec"
XAUTH_METHODS = {65001, 65005}
"""XAUTHInitPreShared and XAUTHInitRSA (draft-beaulieu-ike-xauth, 7.2)."""
Row = dict[str, str]


def rows() -> list[Row]:
    """Return the table."""
    read = read_yaml(TABLE)
    assert isinstance(read, list)
    return [{str(key): str(value) for key, value in row.items()} for row in read]


def profile(row: Row, l2tp: L2tpPath, cisco: CiscoPath) -> L2TP | CiscoIPSec:
    """Return the profile of a row: right in everything else."""
    machine = {"Shared Secret": SharedSecret(secret=l2tp.secret), "Certificate": MachineCertificate(certificate=cisco.pki.client),
               "none": SharedSecret(secret=Secret(""))}[row["machine"]]
    right = l2tp.profile()
    address = l2tp.topology.vpn.server_name if row["machine"] == "Certificate" and row["type"] == L2TP_TYPE else right.server_address
    fields: dict[str, object] = {"server_address": address, "account": right.account, "password": right.password, "machine": machine}
    if row["type"] == L2TP_TYPE:
        fields["user_authentication"] = UserAuthentication(row["user"])
    made = profile_from_fields(row["type"], fields)
    assert isinstance(made, L2TP | CiscoIPSec)
    return made


def test_l2tp_combinations__the_table_is_whole() -> None:
    """Three machine authentications by five user authentications, and by the one of Cisco IPSec."""
    expected = [(L2TP_TYPE, machine, user.value) for machine in MACHINES for user in UserAuthentication]
    expected += [(CISCO_TYPE, machine, UserAuthentication.PASSWORD.value) for machine in MACHINES]

    assert [(row["type"], row["machine"], row["user"]) for row in rows()] == expected
    assert all(row["cause"] for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: "-".join(row[key].lower().replace(" ", "_") for key in ("type", "machine", "user")))
def test_l2tp_combinations__a_row_is_true(
    server: Server, client: Client, lan: LanHost, l2tp: L2tpPath, cisco: CiscoPath, wire: LookAtWire, row: Row
) -> None:
    """The server has what the machine authentication needs; everything but the combination is right."""
    made = profile(row, l2tp, cisco)
    if row["verdict"] == "refused by the client":
        with pytest.raises(ProfileRefused, match=row["cause"]):
            client.connect(made)
        assert wire().ikev1 == []
        return
    server.provision(l2tp.certificate_steps(cisco.pki) if row["machine"] == "Certificate" else l2tp.steps())
    if row["verdict"] == "works":
        assert isinstance(made, L2TP)
        with client.knows_by_hosts_file(l2tp.topology.vpn.server_name, server.address):
            must_carry(client.connect(made), client, server, lan, wire)
    else:
        assert row["verdict"] == "refused by the server"
        client.must_be_refused(made, by="server")
        must_not_reach(client, lan)
        methods = {one.authentication for message in wire().ikev1 if message.source == client.address for one in message.transforms}
        assert methods <= XAUTH_METHODS  # the cause: nothing but XAUTH was offered
