"""The lab on virtual machines: Vagrant drives libvirt or VirtualBox, and one class drives Vagrant."""
