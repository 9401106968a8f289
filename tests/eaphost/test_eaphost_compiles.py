"""Both faces compile as C# 5 without warning, and keep what a compiler of today would not notice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from eaphost_process import SOURCES, mcs

from lab.errors import HostError

FILES = sorted(SOURCES.rglob("*.cs"))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
TYPE = re.compile(r"(?m)^    (?:public |internal )?(?:sealed |static |abstract )*(?:class|struct|enum|interface) (\w+)")


@pytest.mark.parametrize("options", [(), ("-define:RAW_LOG",)], ids=["plain", "logging"])
def test_the_windows_face_compiles(tmp_path: Path, options: tuple[str, ...]) -> None:
    target = mcs(tmp_path / "eaphost.exe", SOURCES / "core", SOURCES / "windows", options=options)

    assert (b"e\0a\0p\0h\0o\0s\0t\0-\0r\0a\0w" in target.read_bytes())
    assert (b"R\0e\0c\0e\0i\0v\0e\0P\0a\0c\0k\0e\0t\0" in target.read_bytes()) is bool(options), "only the logging build names what it records"


def test_the_linux_face_compiles(program: Path) -> None:
    assert program.stat().st_size > 10000


@pytest.mark.parametrize(("line", "complaint"), [("string x = $\"{1}\";", "CS1644"), ("int unused;", "CS0169"), ("nonsense", "CS")])
def test_newer_language_and_warnings_are_refused(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "Slip.cs").write_text(f"class Slip {{ static void Main() {{ }} {line} }}")
    with pytest.raises(HostError) as caught:
        mcs(tmp_path / "slip.exe", tmp_path)

    assert complaint in caught.value.evidence


@each_file
def test_a_file_has_one_type_of_its_name_and_says_what_it_is(file: Path) -> None:
    text = file.read_text()

    assert TYPE.findall(text) == [file.stem]
    assert re.search(rf"(?m)^    // .+(?:\n    (?://|\[).*)*\n    .*\b{file.stem}\b", text), "expected a comment above the type"
    assert len(text.splitlines()) <= 250
    assert max(map(len, text.splitlines())) <= 160


@each_file
def test_nothing_that_csc_of_net_framework_does_not_know(file: Path) -> None:
    """mcs -langversion:5 lets `await` in a catch block pass; 5.1's source files have no byte order mark, so only ASCII reads the same everywhere."""
    text = file.read_text()

    assert "await" not in text
    assert text.isascii()


def test_the_core_knows_neither_face() -> None:
    for file in (SOURCES / "core").glob("*.cs"):
        text = file.read_text()
        assert "EapHost.Linux" not in text
        assert "EapHost.Windows" not in text
        assert "DllImport" not in text
