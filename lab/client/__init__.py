"""The stand-in for macOS 10.13: profiles with the fields of its Network pane, checked as macOS checks them, carried out by
strongSwan. `fidelity.yaml` lists where strongSwan is not macOS."""
