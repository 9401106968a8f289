"""The embedded lab: one User-Mode-Linux guest whose hosts are namespaces. Runs everywhere, without root or KVM.

`image` makes the guest's disk, `uml` runs the process, `runs` keeps track of runs, `share` is the way in for code and
secrets, `guest` is what runs inside.
"""
