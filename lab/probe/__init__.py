"""The probe: one resident process per Linux host (`agent`), reached over one kept SSH connection (`probe`)."""
