"""Owns a lab until it is killed: python owner.py LOG-FOLDER [detached]. Prints the run's folder when the lab is up."""

import signal
import sys
from pathlib import Path

from lab.backends.embedded import EmbeddedLab
from lab.topology import load_topology

lab = EmbeddedLab(load_topology(), log_folder=Path(sys.argv[1]), detached="detached" in sys.argv)
lab.up()
sys.stdout.write(f"{lab.run.folder}\n")
sys.stdout.flush()
signal.pause()
