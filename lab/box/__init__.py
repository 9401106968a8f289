"""The stand-in boxes: Debian as the twin's machine and as the machine of clients and LAN hosts, for Vagrant with libvirt.

`recipe` says what is in them, `base` makes the system once, `disk` puts a bootable disk together without privilege, `boxes` keeps them.
"""
