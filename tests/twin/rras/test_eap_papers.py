"""What the program finds on the machine: accounts, certificate, roots."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab.pki import Authority
from lab.pki.authority import CLIENT_USAGES, SERVER_USAGES
from lab.twin.rras.eap.papers import accounts_file, own_certificate, papers
from lab.twin.rras.roots import VOUCHER
from lab.twin.windows.certificates import Stored
from lab.twin.windows.issuing import Wanted, self_signed
from lab.twin.windows.users import Account

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Lab root")


def stored(authority: Authority, name: str, *, usages: tuple[x509.ObjectIdentifier, ...] = SERVER_USAGES, key: bool = True) -> Stored:
    made = authority.issue(name, usages=usages)
    return Stored(made.certificate, made.key if key else None)


def test_who_may_log_on_has_a_line() -> None:
    accounts = [Account(name="alice", password="Pa$$\u00e4"), Account(name="off", password="x", enabled=False), Account(name="empty"),
                Account(name="two", password="lines\nroot\tx")]

    assert accounts_file(accounts) == "alice\tPa$$\u00e4\n"
    assert accounts_file(accounts, disabled_too=True) == "alice\tPa$$\u00e4\noff\tx\n"


def test_a_thumbprint_decides_which_certificate_is_shown(authority: Authority) -> None:
    one, other = stored(authority, "one"), stored(authority, "other", usages=CLIENT_USAGES)

    assert own_certificate([one, other], other.thumbprint.lower(), NOW) is other
    assert own_certificate([one, other], "0" * 40, NOW) is None
    assert own_certificate([Stored(one.certificate)], one.thumbprint, NOW) is None


def test_without_one_it_is_the_servers_that_is_valid_longest(authority: Authority) -> None:
    day = dt.timedelta(days=1)
    until = {days: self_signed(Wanted(subject=VOUCHER, not_before=NOW - 2 * day, not_after=NOW + days * day, key_length=1024)) for days in (-1, 3, 9)}

    assert own_certificate(list(until.values()), "", NOW) is until[9]
    assert own_certificate([until[-1]], "", NOW) is None
    assert own_certificate([until[3]], "", NOW - 3 * day) is None
    assert own_certificate([stored(authority, "client", usages=CLIENT_USAGES), stored(authority, "no key", key=False)], "", NOW) is None


def test_files_are_there_for_tls_only_with_certificate_and_roots(authority: Authority) -> None:
    own, roots = stored(authority, "server"), [authority.certificate]

    assert set(papers(own, roots, "alice\tx\n").files()) == {"users", "certificate", "key", "roots"}
    assert set(papers(own, roots, None).files()) == {"certificate", "key", "roots"}
    assert papers(None, roots, "alice\tx\n").files() == papers(own, [], "alice\tx\n").files() == {"users": "alice\tx\n"}
    made = papers(own, roots, None)
    assert x509.load_pem_x509_certificate(made.certificate.encode()) == own.certificate
    assert x509.load_pem_x509_certificates(made.roots.encode()) == roots
    assert isinstance(serialization.load_pem_private_key(made.key.encode(), None), type(own.key))


def test_a_root_that_does_not_say_what_it_is_stands_with_one_that_vouches_for_it(authority: Authority) -> None:
    plain = self_signed(Wanted(subject=authority.certificate.subject, not_before=NOW, not_after=NOW + dt.timedelta(days=1), key_length=1024))
    above, below = x509.load_pem_x509_certificates(papers(stored(authority, "server"), [plain.certificate], None).roots.encode())

    assert below.public_key() == plain.certificate.public_key()
    below.verify_directly_issued_by(above)


def test_passwords_and_keys_are_in_no_text_of_it(authority: Authority) -> None:
    assert "secret" not in repr(papers(stored(authority, "server"), [authority.certificate], "alice\tsecret\n"))
    assert "PRIVATE" not in repr(papers(stored(authority, "server"), [authority.certificate], None))
