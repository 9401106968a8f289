"""The inventory: a file of the user's that says where machines are which exist already. docs/inventory.md has an example.

pydantic checks the file at its border, the topology says which machines and networks there must be; every complaint names the path in
the file. No secret stands in it, and none is ever repeated in a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lab.errors import ConfigError
from lab.topology import Topology
from lab.yamlfile import read_yaml

AUTO = "auto"
"""Instead of a MAC address: the one that the topology gives a virtual machine's adapter (52:54 and the IPv4 address)."""
CHANGES = "names and addresses of the lab's adapters, firewall rules, the clock, and during a test services, certificates and the registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """The Windows server, or a twin."""

    address: str
    http_port: int | None
    https_port: int | None
    user: str
    password_env: str | None
    """Variable that holds the password; None: it is asked for, unless a certificate takes its place."""
    certificate: Path | None
    key: Path | None
    ca_file: Path | None
    also_used_by_people: bool
    adapters: Mapping[str, str]
    """MAC address on each network of the lab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxEntry:
    """A Linux machine."""

    address: str
    port: int
    user: str
    key_file: Path
    adapters: Mapping[str, str]
    """MAC address on each network of the lab."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All of it."""

    name: str
    """Names its folder of state: two files with one name are one lab."""
    pace: float
    server: ServerEntry
    linux: Mapping[str, LinuxEntry]
    """By name of the machine."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


Mac = Annotated[str, StringConstraints(pattern=r"^(auto|[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5})$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Winrm(_Model):
    http: Port | None = None
    https: Port | None = None


class _Server(_Model):
    lab: bool = False
    also_used_by_people: bool = False
    address: Text
    winrm: _Winrm
    user: Text
    password_env: Text | None = None
    certificate: Path | None = None
    key: Path | None = None
    ca_file: Path | None = None
    adapters: dict[str, Mac]


class _Linux(_Model):
    address: Text
    port: Port = 22
    user: Text
    key_file: Path
    adapters: dict[str, Mac]


class _File(_Model):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    pace: Annotated[float, Field(gt=0, lt=1000)] = 2.0
    machines: dict[str, dict[str, object]]


Kind = TypeVar("Kind", bound=BaseModel)


def load_inventory(file: Path, topology: Topology) -> Inventory:
    """Return the inventory of a file.

    Raises:
        ConfigError: the file is missing or wrong, or its server is not marked as one that may be changed; names the path in the file.
    """
    return _Reader(file, topology).read()


class _Reader:
    """Reads one file."""

    def __init__(self, file: Path, topology: Topology) -> None:
        self._file, self._topology = file, topology

    def read(self) -> Inventory:
        """Return what it says. Raises ConfigError."""
        raw = read_yaml(self._file, called=f"the inventory {self._file}", hint="docs/inventory.md has an example")
        content = self._checked(_File, raw, "")
        wanted, server = list(self._topology.machines), self._topology.server.name
        for name in wanted:
            if name not in content.machines:
                raise self._wrong("machines", f"lacks {name}", f"the topology's machines are {', '.join(wanted)}")
        for name in content.machines:
            if name not in wanted:
                raise self._wrong(f"machines.{name}", "no such machine", f"the topology's machines are {', '.join(wanted)}")
        return Inventory(
            name=content.name, pace=content.pace, server=self._server(server, content.machines[server]),
            linux={name: self._linux(name, content.machines[name]) for name in wanted if name != server},
        )

    def _server(self, name: str, raw: object) -> ServerEntry:
        place, entry = f"machines.{name}", self._checked(_Server, raw, f"machines.{name}")
        if not entry.lab:
            raise self._wrong(place, f"lacks `lab: true`, without which nothing is changed on it ({CHANGES})",
                              "write it if the machine is there for such tests")
        if entry.winrm.http is None and entry.winrm.https is None:
            raise self._wrong(f"{place}.winrm", "names no port", "winrm: {http: 5985} or {https: 5986}")
        if (entry.certificate is None) != (entry.key is None):
            raise self._wrong(place, "a certificate and its key go together", "certificate: client.pem, key: client.key")
        if entry.certificate and entry.password_env:
            raise self._wrong(place, "has both a password and a certificate", "leave one of them out")
        if entry.certificate and entry.winrm.https is None:
            raise self._wrong(place, "a certificate is shown over HTTPS only", "winrm: {https: 5986}")
        return ServerEntry(
            address=entry.address, http_port=entry.winrm.http, https_port=entry.winrm.https, user=entry.user,
            password_env=entry.password_env, also_used_by_people=entry.also_used_by_people,
            certificate=self._existing(f"{place}.certificate", entry.certificate), key=self._existing(f"{place}.key", entry.key),
            ca_file=self._existing(f"{place}.ca_file", entry.ca_file), adapters=self._adapters(name, entry.adapters),
        )

    def _linux(self, name: str, raw: object) -> LinuxEntry:
        entry = self._checked(_Linux, raw, f"machines.{name}")
        key_file = self._existing(f"machines.{name}.key_file", entry.key_file)
        assert key_file is not None
        return LinuxEntry(address=entry.address, port=entry.port, user=entry.user, key_file=key_file, adapters=self._adapters(name, entry.adapters))

    def _adapters(self, machine: str, given: Mapping[str, str]) -> dict[str, str]:
        place, wanted = f"machines.{machine}.adapters", self._topology.adapters(machine)
        for network in wanted:
            if network not in given:
                raise self._wrong(place, f"lacks {network}", f"{machine} needs an adapter on each of {', '.join(wanted)}")
        for network in given:
            if network not in wanted:
                raise self._wrong(f"{place}.{network}", f"{machine} has no adapter on it", f"its networks are {', '.join(wanted)}")
        found = {network: wanted[network] if given[network] == AUTO else given[network].lower().replace("-", ":") for network in wanted}
        if len(set(found.values())) != len(found):
            raise self._wrong(place, "two networks have the same adapter", "each network has an adapter of its own")
        return found

    def _existing(self, place: str, path: Path | None) -> Path | None:
        """Return a file that the inventory names, relative to its own folder. Raises ConfigError."""
        if path is None:
            return None
        whole = self._file.parent / path.expanduser()
        if not whole.is_file():
            raise self._wrong(place, f"there is no file {whole}", "a path is absolute, or relative to the inventory's folder")
        return whole

    def _checked(self, kind: type[Kind], raw: object, place: str) -> Kind:
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]  # an input may be a password that should not stand there
            where = ".".join([*([place] if place else []), *map(str, problem["loc"])]) or "the whole file"
            hint = f"known here: {', '.join(kind.model_fields)}" if problem["type"] == "extra_forbidden" else ""
            if "password" in where.rpartition(".")[2] and problem["type"] == "extra_forbidden":
                hint = "a secret never stands in this file: `password_env` names a variable that holds it; without one it is asked for"
            raise self._wrong(where, problem["msg"], hint) from None

    def _wrong(self, place: str, problem: str, remedy: str) -> ConfigError:
        return ConfigError(f"{self._file}: {place}: {problem}", hint=remedy or "docs/inventory.md has an example")
