"""What runs on a machine that carries hosts: namespaces, wires, daemons; in the embedded guest and on virtual machines alike.

Started as `python3 -S -E`, so it imports only the standard library's light parts and `lab.wire`.
"""
