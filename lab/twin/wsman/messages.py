"""SOAP messages of WS-Management [MS-WSMV]: reading requests, building answers and faults. No I/O, no state.

Requests are read by namespace, never by prefix; pywinrm and pypsrp use different ones. Answers have the prefixes of Windows.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from defusedxml import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
POWERSHELL = "http://schemas.microsoft.com/powershell"
CMD_RESOURCE = SHELL + "/cmd"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")  # PT20S
DEFAULT_ENVELOPE = 153600
DEFAULT_TIMEOUT = 60.0

TIMED_OUT, INVALID_SELECTORS, NOT_SUPPORTED, BAD_RESOURCE, NOT_FOUND = 2150858793, 2150858843, 2150858754, 2150858752, 2147942402


class BadRequest(Exception):
    """The body is not a WS-Management message."""


class Fault(Exception):
    """A SOAP fault with Windows' code."""

    def __init__(self, code: int, subcode: str, reason: str, *, receiver: bool = False, detail: str = "") -> None:
        super().__init__(reason)
        self.code, self.subcode, self.reason, self.receiver, self.detail = code, subcode, reason, receiver, detail


def timed_out() -> Fault:
    """Return what a Receive gets when nothing came within its time; clients ask again."""
    return Fault(TIMED_OUT, "w:TimedOut", "The WS-Management service cannot complete the operation within the time specified in"
                 " OperationTimeout.  ", receiver=True)


def no_such_shell() -> Fault:
    """Return the fault for an unknown shell or command."""
    return Fault(INVALID_SELECTORS, "w:InvalidSelectors", "The WS-Management service cannot process the request because the request"
                 " contained invalid selectors for the resource. ",
                 detail="http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors")


def not_supported(action: str) -> Fault:
    """Return the fault for an action that this resource does not have."""
    return Fault(NOT_SUPPORTED, "a:ActionNotSupported", f"The action {action} is not supported by the service. ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a request says."""

    action: str
    resource: str
    message_id: str
    to: str
    selectors: dict[str, str]
    options: dict[str, str]
    timeout: float
    """Seconds that the client waits for the answer to a Receive."""
    envelope: int
    """Bytes of the largest answer that it takes."""
    body: Element

    @property
    def verb(self) -> str:
        """The action's last word: Create, Command, Receive …"""
        return self.action.rpartition("/")[2]


def tag(namespace: str, name: str) -> str:
    """Return a qualified name as ElementTree has it."""
    return f"{{{namespace}}}{name}"


def parse(data: bytes) -> Request:
    """Read a request. Raises BadRequest."""
    try:
        root = ElementTree.fromstring(data)
    except Exception as error:
        raise BadRequest(str(error)) from error
    header, body = root.find(tag(SOAP, "Header")), root.find(tag(SOAP, "Body"))
    if header is None or body is None:
        raise BadRequest("no header or no body")

    def text(namespace: str, name: str) -> str:
        return (header.findtext(tag(namespace, name)) or "").strip()

    def named(name: str) -> dict[str, str]:
        return {element.get("Name") or "": element.text or "" for element in header.iter(tag(WSMAN, name))}

    return Request(
        action=text(ADDRESSING, "Action"), resource=text(WSMAN, "ResourceURI"), message_id=text(ADDRESSING, "MessageID"),
        to=text(ADDRESSING, "To"), selectors=named("Selector"), options=named("Option"),
        timeout=seconds(text(WSMAN, "OperationTimeout")), envelope=int(text(WSMAN, "MaxEnvelopeSize") or DEFAULT_ENVELOPE), body=body,
    )


def seconds(duration: str) -> float:
    """Return an XML duration in seconds."""
    found = DURATION.fullmatch(duration)
    if not found or not duration:
        return DEFAULT_TIMEOUT
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest


def envelope(action: str, relates_to: str, body: str) -> bytes:
    """Return an answer. pypsrp wants RelatesTo exactly as it sent the message id."""
    return (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}" xmlns:rsp="{SHELL}"'
        f' xmlns:p="{MICROSOFT}"><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>'
        f"<a:To>{ADDRESSING}/role/anonymous</a:To><a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body>"
        "</s:Envelope>"
    ).encode()


def fault_body(fault: Fault, machine: str) -> str:
    """Return the body of a fault."""
    detail = f"<w:FaultDetail>{fault.detail}</w:FaultDetail>" if fault.detail else ""
    return (
        f"<s:Fault><s:Code><s:Value>s:{'Receiver' if fault.receiver else 'Sender'}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value>"
        f'</s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)}</s:Text></s:Reason><s:Detail>{detail}'
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{fault.code}" Machine={quoteattr(machine)}>'
        f"<f:Message>{escape(fault.reason)}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
