"""Cmdlets, programs, drives and .NET types that read and change the machine. Importing this package registers them all."""

from lab.twin.commands import (
    accounts,
    addresses,
    certificates,
    clock,
    csc,
    files,
    firewall,
    icacls,
    ipsec,
    ipsec_sas,
    netsh,
    network,
    processes,
    programs,
    registry,
    rights,
    self_signed,
    services,
    system,
    xml_reader,
)

__all__ = ["accounts", "addresses", "certificates", "clock", "csc", "files", "firewall", "icacls", "ipsec", "ipsec_sas", "netsh", "network", "processes", "programs",
           "registry", "rights", "self_signed", "services", "system", "xml_reader"]
