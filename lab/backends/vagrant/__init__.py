"""The lab on virtual machines: Vagrant drives libvirt or VirtualBox, and one class drives Vagrant."""

import logging

logging.getLogger("vagrant").addHandler(logging.NullHandler())  # python-vagrant's import complains where there is no Vagrant
