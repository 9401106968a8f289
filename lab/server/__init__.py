"""The server, real or twin: a session over WinRM, provisioning steps, a typed view of "Incoming Connections"."""
