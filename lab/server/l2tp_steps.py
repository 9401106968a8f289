"""Provisioning steps of L2TP over IPsec: the dummy rule with its shared secret, and the users who may dial in.

What Windows, or the way there, would refuse or change without a word is refused here, before anything reaches the server: see `psk_rule` and
`local_user`. Secrets travel as parameters and are masked.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address

from lab.errors import ConfigError
from lab.secrets import Secret
from lab.server.steps import Step

L2TP_DEVICE = "ms_l2tpminiport"
"""Component id of the L2TP miniport ([MS-RRASM] 2.2.3.3.1.1)."""
MARK = "incoming-connections-lab"
"""Description of every rule and account of the suite: by it they are told from others' of the same name."""
DUMMY, NOWHERE = "Dummy", "192.168.3.1/32"
"""The article's name and endpoint: any address "that does not apply to any potential traffic"."""
RULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")  # Dummy 2
FORBIDDEN = frozenset('\\/"[]:|<>+=;,?*@')
"""What no account's name may have (MicrosoftDocs/PowerShell-Docs, New-LocalUser)."""
LONGEST_SECRET, LONGEST_NAME, LONGEST_PASSWORD = 1024, 20, 256
"""Characters: a secret of this length still fits a command line of 8,191; a name and a password as New-LocalUser takes them."""


class RuleForm(StrEnum):
    """Which of the article's two lines makes the rule."""

    NETSH = "netsh"
    CMDLET = "cmdlet"


class DialIn(StrEnum):
    """Dial-in permission of an account."""

    PERMIT = "permit"
    DENY = "deny"
    POLICY = "policy"
    """As the network policy says; the stock one lets nobody in."""


def psk_rule(
    secret: Secret, *, form: RuleForm = RuleForm.NETSH, name: str = DUMMY, endpoint1: str = NOWHERE, in_use: bool = False, others: bool = False,
) -> Step:
    """Make the dummy rule that gives L2TP its shared secret.

    Args:
        secret: 1 to 1024 printable ASCII characters. By netsh without double quotes and without a backslash at the end: Windows PowerShell
            5.1 hands neither on to a program as it is.
        form: netsh or New-NetIPsecRule.
        name: of the rule; letters, digits, space, underscore, dot and hyphen, not "all".
        endpoint1: local address of the rule, one, with its prefix length or without.
        in_use: it may be an address of the server's own. Such a rule catches real traffic, WinRM's too, so the step refuses it otherwise.
        others: another tunnel rule may be there. Without it the step refuses to be the second.

    Raises:
        ConfigError: the secret, the name or the address cannot be used.
    """
    if not RULE_NAME.fullmatch(name) or name.lower() == "all":
        raise ConfigError(f"a rule for L2TP cannot be named {name!r}: letters, digits, space and _ . - up to 64 characters, not 'all'")
    try:
        address = IPv4Address(endpoint1.removesuffix("/32"))
    except ValueError as error:
        raise ConfigError(f"endpoint1 of the rule {name!r}: expected one IPv4 address such as {NOWHERE}, got {endpoint1!r} ({error})") from error
    _check_secret(secret.reveal(), name, form)
    return Step(name="psk-rule", script="psk-rule", secrets=(secret,), because="Windows has no place for the secret of incoming L2TP connections",
                parameters={"form": form.value, "name": name, "endpoint1": f"{address}/32", "inUse": in_use, "secret": secret.reveal(), "mark": MARK,
                            "others": others})


def printed_rule(secret: Secret, *, form: RuleForm = RuleForm.NETSH) -> Step:
    """Make the dummy rule by the article's line as it is printed there, its XXX replaced: named Dummy, with nothing that marks it as ours.

    Args:
        secret: as for `psk_rule`.
        form: which of the two lines.

    Raises:
        ConfigError: the secret cannot be used.
    """
    _check_secret(secret.reveal(), DUMMY, form)
    return Step(name="psk-rule", script="article-rule", secrets=(secret,), parameters={"form": form.value, "secret": secret.reveal()},
                because="Windows has no place for the secret of incoming L2TP connections")


def printed_root(*, constrained: bool) -> Step:
    """Make a root certificate on the server by the article's line as it is printed there: in the store My of whoever provisions.

    Args:
        constrained: with the text extension that makes it an authority; the author had left it out at first.
    """
    return Step(name="printed-root", script="article-root", parameters={"constrained": constrained},
                because="certificates of server and clients need a root above them")


def _check_secret(text: str, name: str, form: RuleForm) -> None:
    """Refuse a secret that would not arrive. Raises ConfigError, which says nothing of what the secret is."""
    where = f"the shared secret of the rule {name!r}"
    if not 1 <= len(text) <= LONGEST_SECRET:
        raise ConfigError(f"{where}: expected 1 to {LONGEST_SECRET} characters, got {len(text)}")
    if any(not " " <= one <= "~" for one in text):
        raise ConfigError(f"{where}: expected printable ASCII, got another character", hint="which bytes Windows makes of others depends on a"
                          " setting of its own (PresharedKeyEncoding, [MS-FASP] 2.2.40), and the client would have to know it")
    if form is RuleForm.NETSH and ('"' in text or text.endswith("\\")):
        raise ConfigError(f"{where}: a double quote, or a backslash at the end, does not reach netsh from Windows PowerShell 5.1",
                          hint="RuleForm.CMDLET takes both")


def local_user(name: str, password: Secret, *, dial_in: DialIn = DialIn.PERMIT, enabled: bool = True) -> Step:
    """Make an account for a VPN user.

    Args:
        name: 1 to 20 printable ASCII characters, none of FORBIDDEN, no dot or space at an end: a local account, so no domain before it.
        password: 1 to 256 characters.
        dial_in: its permission.
        enabled: whether it may log on.

    Raises:
        ConfigError: name or password cannot be used.
    """
    if "\\" in name:
        raise ConfigError(f"the user name {name!r} has a backslash: a local account has no domain", hint="give the part behind it alone")
    if not 1 <= len(name) <= LONGEST_NAME or name != name.strip(" .") or FORBIDDEN & set(name):
        raise ConfigError(f"the user name {name!r} is no name of a local account: expected 1 to {LONGEST_NAME} characters, none of"
                          f" {''.join(sorted(FORBIDDEN))}, no dot or space at an end")
    if any(not " " <= one <= "~" for one in name):
        raise ConfigError(f"the user name {name!r}: expected printable ASCII, got another character",
                          hint="MS-CHAP has no character set for names (RFC 2759 4: ASCII), so the server may read it as another one")
    if not 1 <= len(password.reveal()) <= LONGEST_PASSWORD:
        raise ConfigError(f"the password of {name!r}: expected 1 to {LONGEST_PASSWORD} characters, got {len(password.reveal())}")
    return Step(name="local-user", script="local-user", secrets=(password,), because="PPP asks who the user is, and RAS whether he may dial in",
                parameters={"name": name, "password": password.reveal(), "dialin": dial_in.value, "enabled": enabled, "mark": MARK})
