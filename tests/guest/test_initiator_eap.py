"""EAP inside IKE by our own initiator, against strongSwan as authenticator: a second charon on another client's host, with its EAP plugins, on
ports of its own. PEAP has no charon in Debian: its peer is tried in tests/eaphost/test_eap_of_initiator.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from fixtures.session import LabSession
from lab import budgets
from lab.evidence.residue import difference
from lab.pki import RunPki
from lab.probe.probe import JSON, Probe
from lab.topology import load_topology
from lab.waiting import Deadline, wait_until

PORT, FOLDER = 1500, "/run/lab/eap"
POOL = "10.99.0.1"
DAEMON = f"""
charon {{
  load = random nonce pem pkcs1 pkcs8 x509 constraints pubkey openssl kdf kernel-netlink socket-default vici eap-identity eap-mschapv2 eap-tls
  port = {PORT}
  port_nat_t = 1501
  interfaces_ignore = mgmt
  signature_authentication = no
  plugins {{
    vici {{
      socket = unix://{FOLDER}/vici
    }}
  }}
  filelog {{
    main {{
      path = {FOLDER}/log
      default = 1
      flush_line = yes
    }}
  }}
}}
"""
CONNECTIONS = """
connections {
  eap {
    version = 2
    proposals = aes128-sha1-modp1024
    send_certreq = no
    send_cert = always
    pools = inner
    local {
      auth = pubkey
      certs = server.pem
      id = SERVER_NAME
    }
    remote {
      auth = METHOD
      eap_id = %any
    }
    children {
      net {
        local_ts = 0.0.0.0/0
        esp_proposals = aes128-sha1
      }
    }
  }
}
pools {
  inner {
    addrs = 10.99.0.0/28
  }
}
secrets {
  eap-alice {
    id = alice
    secret = "Pa55w0rd"
  }
}
"""


@dataclass
class Authenticator:
    """The second charon."""

    probe: Probe
    address: str
    pki: RunPki

    def run(self, command: str) -> str:
        code, output, error = self.probe.run(command)
        assert code == 0, f"{command}: {output.decode()}{error.decode()}"
        return output.decode()

    def start(self) -> None:
        self.run(f"mkdir -p {FOLDER}/swanctl/x509 {FOLDER}/swanctl/x509ca {FOLDER}/swanctl/private")
        for path, content in {"strongswan.conf": DAEMON, "swanctl/x509/server.pem": self.pki.server.certificate_pem,
                              "swanctl/private/server.pem": self.pki.server.private_key_pem,
                              "swanctl/x509ca/root.pem": self.pki.authority.certificate_pem}.items():
            self.probe.write_file(f"{FOLDER}/{path}", content)
        self.run(f"STRONGSWAN_CONF={FOLDER}/strongswan.conf setsid /usr/sbin/charon-systemd > {FOLDER}/out 2>&1 < /dev/null & echo $! > {FOLDER}/pid")
        wait_until(lambda: self.probe.run(f"test -S {FOLDER}/vici")[0] == 0, Deadline(5.0), lambda: AssertionError(self.probe.read_file(f"{FOLDER}/out")))

    def ask_for(self, method: str) -> None:
        self.probe.write_file(f"{FOLDER}/swanctl/swanctl.conf",
                              CONNECTIONS.replace("METHOD", method).replace("SERVER_NAME", self.pki.server_name))
        self.run(f"SWANCTL_DIR={FOLDER}/swanctl STRONGSWAN_CONF={FOLDER}/strongswan.conf swanctl --load-all --uri unix://{FOLDER}/vici")

    def stop(self) -> None:
        self.run(f"kill $(cat {FOLDER}/pid) && while kill -0 $(cat {FOLDER}/pid) 2>/dev/null; do read -t 0.05 < /dev/zero; done; rm -r {FOLDER}")


@pytest.fixture(scope="module")
def authenticator(session: LabSession) -> Iterator[Authenticator]:
    made = Authenticator(session.probe("client2"), str(session.topology.host("client2").address("wan")), session.pki)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def probe(session: LabSession) -> Iterator[Probe]:
    client = session.probe("client")
    before = client.facts()
    yield client
    client.ask("ike_disconnect")
    assert difference(before, client.facts()) == []


def connect(probe: Probe, to: Authenticator, **by: str) -> Mapping[str, JSON]:
    local = str(load_topology().host(probe.host).address("wan"))
    request = {"local": local, "server": to.address, "port": PORT, "interface": "wan", "identity": "mac.example.test",
               "remote_id": to.pki.server_name, "roots": [to.pki.authority.certificate_pem], "by": by}
    answer = probe.ask("ike_connect", budget=budgets.IKE_INITIATE, request=request, timeout=budgets.IKE_PATIENCE)
    assert isinstance(answer, dict)
    return answer


def papers(pki: RunPki, *, stranger: bool = False) -> dict[str, str]:
    identity = pki.client_of_other_authority if stranger else pki.client
    return {"method": "eap-tls", "user": "mac.example.test", "certificate": identity.certificate_pem, "key": identity.private_key_pem}


def by_password(password: str) -> dict[str, str]:
    return {"method": "eap-password", "user": "alice", "password": password}


@pytest.mark.parametrize("method", ["eap-mschapv2", "eap-tls"])
def test_both_ends_prove_the_key_of_eap_and_traffic_goes_through(probe: Probe, authenticator: Authenticator, method: str) -> None:
    authenticator.ask_for(method)
    answer = connect(probe, authenticator, **(by_password("Pa55w0rd") if method == "eap-mschapv2" else papers(authenticator.pki)))

    assert answer["up"] is True, f"{answer}\n{authenticator.probe.read_file(f'{FOLDER}/log')[-3000:]}"
    assert answer["groups"] == [14, 2]
    inner = str(answer["inner"])
    assert probe.ping(authenticator.address, source=inner) is not None
    states = probe.facts()["xfrm_states"]
    assert isinstance(states, list)
    assert all(isinstance(state, dict) and state["packets"] for state in states)
    assert len(states) == 2


@pytest.mark.parametrize("method", ["eap-mschapv2", "eap-tls"])
def test_wrong_credentials_are_refused_by_the_server(probe: Probe, authenticator: Authenticator, method: str) -> None:
    authenticator.ask_for(method)
    answer = connect(probe, authenticator, **(by_password("wrong") if method == "eap-mschapv2" else papers(authenticator.pki, stranger=True)))
    assert (answer["up"], answer["by"]) == (False, "server"), answer


def test_another_method_than_the_clients_is_refused(probe: Probe, authenticator: Authenticator) -> None:
    authenticator.ask_for("eap-tls")
    answer = connect(probe, authenticator, **by_password("Pa55w0rd"))
    assert (answer["up"], answer["by"]) == (False, "server"), answer
