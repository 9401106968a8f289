"""netsh advfirewall consec: add, delete and show rule.

A rule's name is its DisplayName; `delete rule` wants one, and `name=all` means every rule. A rule that netsh adds has a set of its own, under
a name that is not the rule's.

Source: the help of netsh advfirewall consec (Netsh AdvFirewall Consec Commands, Windows 7 and Server 2008 R2): names must be unique and not
"all". Inferred: its words when a name is taken, and the layout of `show rule`; no step relies on either. A tunnel rule without tunnel
endpoints is taken, as the article's is.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.twin.commands.ipsec import address, new_name
from lab.twin.powershell.errors import NotSupportedByTwin
from lab.twin.powershell.registry import NativeResult
from lab.twin.windows.ipsec import AuthProposal, AuthSet, IPsecRule, Method, Mode, Security
from lab.twin.windows.machine import Machine

OK = "Ok.\r\n\r\n"
NO_MATCH = NativeResult(output="\r\nNo rules match the specified criteria.\r\n\r\n", exit_code=1)
ESSENTIAL = NativeResult(output="\r\nOne or more essential parameters were not entered.\r\nVerify the required parameters, and reenter them.\r\n\r\n",
                         exit_code=1)
NOT_VALID = NativeResult(output="\r\nA specified value is not valid.\r\n\r\n", exit_code=1)
ACTIONS = {
    "requireinrequireout": (Security.REQUIRE, Security.REQUIRE), "requireinrequestout": (Security.REQUIRE, Security.REQUEST),
    "requestinrequestout": (Security.REQUEST, Security.REQUEST), "requireinclearout": (Security.REQUIRE, Security.NONE),
    "noauthentication": (Security.NONE, Security.NONE),
}
TUNNEL_ACTIONS = ("requireinrequireout", "requireinclearout", "noauthentication")
METHODS = {"computerpsk": Method.PRESHARED_KEY, "computerkerb": Method.KERBEROS}
SHOWN = {Method.PRESHARED_KEY: "ComputerPSK", Method.KERBEROS: "ComputerKerb"}
ESSENTIALS = {"name", "endpoint1", "endpoint2", "action"}
KNOWN = ESSENTIALS | {"description", "mode", "enable", "auth1", "auth1psk"}


def consec(machine: Machine, words: list[str]) -> NativeResult:
    """Carry out what stands behind `netsh advfirewall consec`. Raises NotSupportedByTwin for other verbs and tags."""
    act = VERBS.get(" ".join(words[:2]).lower())
    tags = dict(_tag(word) for word in words[2:])
    if act is None or len(tags) != len(words[2:]):
        raise NotSupportedByTwin(f"netsh advfirewall consec {' '.join(words[:2])}, or a tag that stands there twice")
    return act(machine, tags)


def _tag(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals and name.lower() != "verbose":
        raise NotSupportedByTwin("netsh advfirewall consec with a word that is no tag=value (it may be a part of a secret, so it is not told)")
    return name.lower(), value


def _add(machine: Machine, tags: dict[str, str]) -> NativeResult:
    if strange := set(tags) - KNOWN:
        raise NotSupportedByTwin(f"netsh advfirewall consec add rule {sorted(strange)[0]}=")
    if ESSENTIALS - {name for name, value in tags.items() if value}:
        return ESSENTIAL
    mode, action = tags.get("mode", "transport").lower(), tags["action"].lower()
    method = METHODS.get(tags.get("auth1", "computerkerb").lower())
    if method is None:
        raise NotSupportedByTwin(f"netsh advfirewall consec add rule auth1={tags['auth1']}")
    if (action not in ACTIONS or mode not in ("tunnel", "transport") or (mode == "tunnel" and action not in TUNNEL_ACTIONS)
            or tags.get("enable", "yes").lower() not in ("yes", "no") or tags["name"].lower() == "all"
            or (method is Method.PRESHARED_KEY) != bool(tags.get("auth1psk"))):
        return NOT_VALID
    if _called(machine, tags["name"]):
        return NativeResult(output="\r\nCannot create a file when that file already exists.\r\n\r\n", exit_code=1)
    own = AuthSet(name=new_name(), display_name=new_name(), owner=new_name(),
                  proposals=(AuthProposal(method=method, preshared_key=tags.get("auth1psk", "")),))
    inbound, outbound = ACTIONS[action]
    rule = IPsecRule(name=own.owner, display_name=tags["name"], description=tags.get("description", ""), mode=Mode(mode.capitalize()),
                     enabled=tags.get("enable", "yes").lower() == "yes", inbound=inbound, outbound=outbound, auth_set=own.name,
                     local_address=address(tags["endpoint1"]), remote_address=address(tags["endpoint2"]))
    machine.ipsec.add_set(own)
    machine.ipsec.add_rule(rule)
    return NativeResult(output=OK)


def _called(machine: Machine, name: str) -> list[IPsecRule]:
    """Return the rules of a name, without regard to case; every rule for "all"."""
    return [rule for rule in machine.ipsec.rules() if name.lower() in ("all", rule.display_name.lower())]


def _selected(machine: Machine, tags: dict[str, str], *, known: set[str]) -> list[IPsecRule] | NativeResult:
    if strange := set(tags) - known:
        raise NotSupportedByTwin(f"netsh advfirewall consec with {sorted(strange)[0]} to choose rules by")
    if not tags.get("name"):
        return ESSENTIAL
    return _called(machine, tags["name"]) or NO_MATCH


def _delete(machine: Machine, tags: dict[str, str]) -> NativeResult:
    rules = _selected(machine, tags, known={"name"})
    if isinstance(rules, NativeResult):
        return rules
    for rule in rules:
        machine.ipsec.remove_rule(rule)
    return NativeResult(output=f"\r\nDeleted {len(rules)} rule(s).\r\n{OK}")


def _show(machine: Machine, tags: dict[str, str]) -> NativeResult:
    rules = _selected(machine, tags, known={"name", "verbose"})
    return rules if isinstance(rules, NativeResult) else NativeResult(output="".join(_shown(machine, rule) for rule in rules) + OK)


def _shown(machine: Machine, rule: IPsecRule) -> str:
    auth = machine.ipsec.set_of(rule)
    actions = {security: action for action, security in ACTIONS.items()}
    lines = [("Enabled", "Yes" if rule.enabled else "No"), ("Mode", rule.mode.value), ("Endpoint1", rule.local_address), ("Endpoint2", rule.remote_address),
             ("Action", actions.get((rule.inbound, rule.outbound), ""))]
    for proposal in auth.proposals if auth else ():
        lines += [("Auth1", SHOWN[proposal.method]), *([("Auth1PSK", proposal.preshared_key)] if proposal.preshared_key else [])]
    text = "".join(f"{name + ':':38}{value}\r\n" for name, value in lines)
    return f"\r\n{'Rule Name:':38}{rule.display_name}\r\n{'-' * 70}\r\n{text}"


VERBS: dict[str, Callable[[Machine, dict[str, str]], NativeResult]] = {"add rule": _add, "delete rule": _delete, "show rule": _show}
