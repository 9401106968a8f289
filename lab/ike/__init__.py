"""An IKEv2 initiator of our own: says what a Mac says, payload by payload, where strongSwan cannot be made to (lab/client/fidelity.yaml).

Sans-IO: no module here opens a socket, reads a clock or starts a thread. From the wire up: `payloads` (messages and their chain),
`proposals` and `bodies` (what is in them), `groups`, `keys`, `protection` (cryptography), `channel` (message ids, fragments),
`macos` (what a Mac sends, as data), `conversation` (the exchanges in order), `initiator` (the object that a caller drives).
Sockets and the kernel are the probe's (lab/probe/agent/ike.py). Source: RFC 7296, RFC 7383, research on macOS 10.13.
"""
