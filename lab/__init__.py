"""The lab: everything between a test and the wire.

Imports run downwards only (see docs/architecture.md). This package re-exports nothing, because parts of it also run inside
the guest, where every import costs time.
"""
