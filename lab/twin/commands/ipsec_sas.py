"""Get-NetIPsecMainModeSA: how many main mode associations there are. What each shows is not documented, so nothing of it is there to be read.

It covers IKEv1, AuthIP and IKEv2 alike. Without any it says nothing (inferred, as for rules).
Source: MicrosoftDocs/windows-powershell-docs, module NetSecurity, Get-NetIPsecMainModeSA.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.twin.commands.cim import CIM_INSTANCE
from lab.twin.commands.services import machine_of
from lab.twin.powershell.registry import Call, cmdlet
from lab.twin.powershell.values import PSObject

ASSOCIATION = "MSFT_NetMainModeSA"


@cmdlet("Get-NetIPsecMainModeSA", "[switch] All")
def get_net_ipsec_main_mode_sa(call: Call) -> Iterator[object]:
    """All of them."""
    for name in machine_of(call).main_mode():
        yield PSObject([], type_name=f"{CIM_INSTANCE}#root/standardcimv2/{ASSOCIATION}", handle=name)
