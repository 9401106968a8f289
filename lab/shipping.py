"""Which code of ours runs on the other side, and as what it is sent there."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parent
EVERYWHERE = ("wire", "ike", "probe/agent", "hosts")
"""Folders of `lab` that every Linux machine of a lab needs; `ike` runs only where there is cryptography, as in the guest and in the boxes."""
TWIN = "twin"
FACE = PACKAGE.parent / "fixtures" / "eaphost" / "linux"
"""The EAP host's Linux face, which goes wherever the twin goes; the rest of it arrives there over WinRM."""


def sources(folders: Sequence[str]) -> Iterable[tuple[str, Path]]:
    """Yield name below the code folder and file of everything in these folders of `lab`, with the packages above them and what the twin compiles in."""
    above = {""} | {str(parent) for folder in folders for parent in Path(folder).parents if str(parent) != "."}
    for folder in sorted(above):
        yield f"lab/{folder}/__init__.py".replace("//", "/"), PACKAGE / folder / "__init__.py"
    for folder in folders:
        for file in sorted((PACKAGE / folder).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"lab/{file.relative_to(PACKAGE)}", file
    for file in sorted(FACE.glob("*.cs")) if TWIN in folders else ():
        yield f"fixtures/eaphost/{FACE.name}/{file.name}", file


def vici_sources() -> Iterable[tuple[str, Path]]:
    """Yield the files of strongSwan's Python library, which a machine of its own may lack."""
    spec = importlib.util.find_spec("vici")
    assert spec is not None
    assert spec.origin is not None
    for file in sorted(Path(spec.origin).parent.glob("*.py")):
        yield f"vici/{file.name}", file


def bundle() -> tuple[str, bytes]:
    """Return digest and tar of what a Linux machine needs of ours: the same bytes for the same code."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, file in (*sources(EVERYWHERE), *vici_sources()):
            member = tarfile.TarInfo(name)
            content = file.read_bytes()
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return hashlib.sha256(data.getvalue()).hexdigest()[:16], data.getvalue()
