"""The guest as a process of this machine: its command line, its supervisor, its control line."""
