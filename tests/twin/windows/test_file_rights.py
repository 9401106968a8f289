"""Who may write a file: an administrator not those of Windows, until ownership is taken and a right is granted."""

from __future__ import annotations

import pytest

from lab.twin.windows.rights import ADMINISTRATORS, FILE_ALL, OF_WINDOWS, ORDINARY, TRUSTED_INSTALLER, WRITE_DAC, Descriptor, FileRights

FILE = "C:\\Windows\\System32\\a.xml"


def test_a_file_of_windows_needs_an_owner_first_and_then_a_right() -> None:
    rights = FileRights.stock(FILE)
    assert not rights.may_write(FILE)
    with pytest.raises(PermissionError):
        rights.grant(FILE, ADMINISTRATORS, FILE_ALL)

    rights.own(FILE, ADMINISTRATORS)
    assert not rights.may_write(FILE.upper()), "an owner may change the list, not the content"
    rights.grant(FILE, ADMINISTRATORS, FILE_ALL)
    assert rights.may_write(FILE.upper())

    rights.own(FILE, TRUSTED_INSTALLER)
    rights.put(FILE, OF_WINDOWS)
    assert rights.of(FILE) == OF_WINDOWS
    with pytest.raises(PermissionError):
        rights.put(FILE, ORDINARY)


def test_any_other_file_is_an_administrators_unless_it_is_read_only() -> None:
    rights = FileRights(read_only={FILE.lower()})

    assert rights.may_write("C:\\a.txt")
    assert not rights.may_write(FILE)


@pytest.mark.parametrize("sddl", [
    OF_WINDOWS.sddl, ORDINARY.sddl, "O:SYG:SYD:(A;;FA;;;SY)", "O:S-1-5-21-1-2-3-500G:BAD:P(A;;0x1301bf;;;WD)(A;ID;0x120089;;;AU)",
])
def test_a_descriptor_is_written_as_it_was_read(sddl: str) -> None:
    assert Descriptor.parse(sddl).sddl == sddl


@pytest.mark.parametrize("sddl", ["nonsense", "O:XXG:BAD:", "O:BAG:BAD:(D;;FA;;;WD)", "O:BAG:BAD:(A;OICI;FA;;;WD)", "D:(A;;FR;;;WD)", "O:BAG:BAD:S:(AU;SAFA;FA;;;WD)"])
def test_more_than_is_known_is_refused(sddl: str) -> None:
    with pytest.raises(ValueError, match="security descriptor"):
        Descriptor.parse(sddl)


@pytest.mark.parametrize(("owner", "may"), [(ADMINISTRATORS, True), (TRUSTED_INSTALLER, False)])
def test_an_owner_may_change_a_list_that_does_not_name_him(owner: str, may: bool) -> None:
    assert Descriptor(owner=owner, group=owner, flags="", entries=()).allows(WRITE_DAC) is may
