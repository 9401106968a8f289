"""Cmdlets, programs, drives and .NET types that read and change the machine. Importing this package registers them all."""

from lab.twin.commands import addresses, certificates, clock, files, firewall, netsh, network, programs, registry, services, system

__all__ = ["addresses", "certificates", "clock", "files", "firewall", "netsh", "network", "programs", "registry", "services", "system"]
