"""Cmdlets, programs, drives and .NET types that read and change the machine. Importing this package registers them all."""

from lab.twin.commands import certificates, files, netsh, programs, registry, services, system

__all__ = ["certificates", "files", "netsh", "programs", "registry", "services", "system"]
