"""Starts the twin on its host: `python3 -S -E launch.py`, without the site module.

The embedded guest keeps bytecode on its share; a box has it beside the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

PYC = "/run/lab/pyc"
sys.path[:0] = ["/run/lab/code", "/usr/local/lib/python3.13/dist-packages"]
sys.pycache_prefix = PYC if Path(PYC).is_dir() else None

from lab.twin.main import main  # noqa: E402

if __name__ == "__main__":
    main()
