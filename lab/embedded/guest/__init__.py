"""What runs inside the guest as its first process: namespaces, wires, daemons, the guest's end of the control line.

Started as `python3 -S -E`, so it imports only the standard library's light parts and `lab.wire`.
"""
