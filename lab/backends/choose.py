"""Which lab `--lab` means: embedded, vagrant, inventory:FILE. Backends are imported when they are chosen."""

from __future__ import annotations

from pathlib import Path

from lab.backends.base import Detachable, Lab
from lab.backends.embedded import EmbeddedLab
from lab.errors import ConfigError
from lab.progress import Progress
from lab.topology import Topology

DEFAULT = "embedded"
VARIABLE = "LAB"
HELP = "embedded (default), vagrant, or inventory:FILE for machines that already exist"


def make_lab(
    chosen: str, topology: Topology, *, log_folder: Path, worker: int = 0, detached: bool = False, progress: Progress
) -> Lab:
    """Return the lab that is meant, not up yet.

    Args:
        chosen: as `--lab` takes it.
        topology: hosts and networks.
        log_folder: where consoles and logs go.
        worker: number of the pytest worker.
        detached: leave it running when this process ends (`lab up`).
        progress: told one line per phase.

    Raises:
        ConfigError: there is no such lab, or its inventory is wrong.
    """
    name, _, rest = chosen.partition(":")
    match name, bool(rest):
        case "embedded", False:
            return EmbeddedLab(topology, log_folder=log_folder, worker=worker, detached=detached, progress=progress)
        case "vagrant", False:
            from lab.backends.vagrant.lab import VagrantLab  # noqa: PLC0415 - see the module's rule

            return VagrantLab(topology, log_folder=log_folder, detached=detached, progress=progress)
        case "inventory", True:
            from lab.backends.inventory import InventoryLab  # noqa: PLC0415 - see the module's rule

            return InventoryLab(topology, Path(rest), progress=progress)
        case "inventory", False:
            raise ConfigError("inventory names no file", hint="--lab inventory:my-lab.yaml; docs/inventory.md has an example")
    raise ConfigError(f"there is no lab {chosen!r}", hint=f"--lab takes {HELP}")


def running_lab(chosen: str, topology: Topology, *, log_folder: Path) -> Detachable | None:
    """Return the lab that `lab up` left running, joined; None if there is none. Raises ConfigError for an unknown name.

    An inventory's machines run whether we use them or not: such a lab is never joined.
    """
    match chosen.partition(":")[0]:
        case "embedded":
            return EmbeddedLab.running(topology, log_folder=log_folder)
        case "vagrant":
            from lab.backends.vagrant.lab import VagrantLab  # noqa: PLC0415 - see the module's rule

            return VagrantLab.running(topology, log_folder=log_folder)
        case "inventory":
            return None
    raise ConfigError(f"there is no lab {chosen!r}", hint=f"--lab takes {HELP}")
