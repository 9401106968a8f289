"""Starts the twin inside the guest: `python3 -S -E launch.py`, without the site module, with bytecode kept on the share."""

from __future__ import annotations

import sys

sys.path[:0] = ["/run/lab/code", "/usr/local/lib/python3.13/dist-packages"]
sys.pycache_prefix = "/run/lab/pyc"

from lab.twin.main import main  # noqa: E402

if __name__ == "__main__":
    main()
