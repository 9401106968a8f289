"""Making machines a part of the lab: adapters, addresses, firewall and clock of the server over WinRM, hosts on Linux machines over SSH.

The suite's own first step on virtual machines and on machines that already exist; the embedded lab needs none of it.
"""
