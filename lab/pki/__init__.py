"""Certificates of one run: one that is right for each purpose, and each way to be wrong that a claim speaks of."""

from lab.pki.authority import Authority, Identity
from lab.pki.run import RunPki, TlsIdentity, winrm_identity

__all__ = ["Authority", "Identity", "RunPki", "TlsIdentity", "winrm_identity"]
