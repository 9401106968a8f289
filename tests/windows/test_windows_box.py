"""The recipe for a Windows box, as far as it can be read without Windows: the answer file, and that recipe and template fit it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
import pytest

BOX = Path(__file__).parents[2] / "boxes" / "windows"
ANSWER, RECIPE, TEMPLATE = ((BOX / name).read_text() for name in ("Autounattend.xml", "windows10.pkr.hcl", "vagrantfile-windows.template"))
NAMESPACE = "{urn:schemas-microsoft-com:unattend}"
COMPONENTS = {
    "windowsPE": {"Microsoft-Windows-International-Core-WinPE", "Microsoft-Windows-Setup"},
    "specialize": {"Microsoft-Windows-Deployment", "Microsoft-Windows-Shell-Setup"},
    "oobeSystem": {"Microsoft-Windows-International-Core", "Microsoft-Windows-Shell-Setup"},
}
"""Passes and what stands in them; no other pass: generalize would be sysprep's, offlineServicing would switch UAC off."""
VALUES = {
    "windowsPE//AcceptEula": "true", "windowsPE//WillWipeDisk": "true", "windowsPE//CreatePartition/Type": "Primary",
    "windowsPE//ModifyPartition/Active": "true", "windowsPE//InstallFrom//Key": "/IMAGE/INDEX", "windowsPE//DynamicUpdate/Enable": "false",
    "specialize//TimeZone": "UTC", "oobeSystem//LocalAccount/Name": "vagrant", "oobeSystem//LocalAccount/Group": "Administrators",
    "oobeSystem//LocalAccount/Password/Value": "vagrant", "oobeSystem//AutoLogon/Username": "vagrant", "oobeSystem//AutoLogon/LogonCount": "1",
}
"""What the rest of the recipe relies on."""


def faults(answer: str) -> list[str]:
    """Return what is wrong with an answer file."""
    root = defusedxml.ElementTree.fromstring(answer)
    passes = {one.get("pass", ""): one for one in root.findall(f"{NAMESPACE}settings")}
    found = [f"pass {name}" for name in COMPONENTS.keys() ^ passes.keys()]
    for name, settings in passes.items():
        components = settings.findall(f"{NAMESPACE}component")
        found += [f"component {one}" for one in COMPONENTS.get(name, set()) ^ {one.get("name", "") for one in components}]
        found += [f"architecture of {one.get('name')}" for one in components if one.get("processorArchitecture") != "amd64"]
    for path, value in VALUES.items():
        name, _, rest = path.partition("//")
        got = [one.text for one in _all(passes[name], rest)] if name in passes else []
        if got != [value]:
            found.append(f"{path} is {got}, expected {value}")
    found += ["product key" for one in root.iter(f"{NAMESPACE}ProductKey") if one.find(f"{NAMESPACE}Key") is not None]
    found += ["UEFI partition" for one in root.iter(f"{NAMESPACE}Type") if one.text in ("EFI", "MSR")]
    orders = [one.text for one in root.iter(f"{NAMESPACE}RunSynchronousCommand") for one in one.findall(f"{NAMESPACE}Order")]
    return found + (["order of the commands"] if orders != [str(number + 1) for number in range(len(orders))] else [])


def _all(settings: Element, path: str) -> list[Element]:
    return settings.findall(".//" + "/".join(NAMESPACE + part if part else "" for part in path.split("/")))


def test_the_answer_file_is_as_the_recipe_needs_it() -> None:
    assert faults(ANSWER) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('pass="specialize"', 'pass="generalize"', "pass generalize"),
        ("Microsoft-Windows-Deployment", "Microsoft-Windows-Deploy", "component Microsoft-Windows-Deploy"),
        ('processorArchitecture="amd64"', 'processorArchitecture="x86"', "architecture of Microsoft-Windows-Setup"),
        ("<Type>Primary</Type>", "<Type>EFI</Type>", "UEFI partition"),
        ("<Active>true</Active>", "", "windowsPE//ModifyPartition/Active is [], expected true"),
        ("<LogonCount>1</LogonCount>", "<LogonCount>99</LogonCount>", "oobeSystem//AutoLogon/LogonCount is ['99'], expected 1"),
        ("<ProductKey>", "<ProductKey><Key>AAAAA-BBBBB-CCCCC-DDDDD-EEEEE</Key>", "product key"),
        ("<Order>2</Order>", "<Order>1</Order>", "order of the commands"),
    ],
)
def test_a_fault_of_the_answer_file_is_noticed(old: str, new: str, fault: str) -> None:
    assert old in ANSWER
    assert fault in faults(ANSWER.replace(old, new))


def test_what_the_answer_file_runs_is_on_the_floppy_disk() -> None:
    run = set(re.findall(r"A:\\([\w.-]+)", ANSWER))
    on_floppy = set(re.findall(r"\$\{path\.root\}/([\w.-]+)\"[,\]]", RECIPE))

    assert run == {"setup-winrm.ps1"}
    assert run | {"Autounattend.xml"} <= on_floppy
    assert all((BOX / name).exists() for name in on_floppy)


def test_no_address_of_an_iso_is_baked_in() -> None:
    for name in ("iso_url", "iso_checksum"):
        block = RECIPE[RECIPE.index(f'variable "{name}"'):].partition("\n}\n")[0]
        assert "default" not in block
    assert not re.search(r"https?://", RECIPE)


def test_recipe_and_template_describe_the_same_machine() -> None:
    machine = re.search(r'machine_type\s+= "(\w+)"', RECIPE)
    assert machine is not None
    assert f'libvirt.machine_type = "{machine[1]}"' in TEMPLATE
    assert RECIPE.count('["-device", "e1000e,netdev=') == 2
    assert 'libvirt.nic_model_type = "e1000e"' in TEMPLATE
    assert "pflash" not in RECIPE + TEMPLATE
    assert "loader" not in TEMPLATE


@pytest.mark.parametrize("builder", ["qemu", "virtualbox-iso"])
def test_packer_logs_in_over_https_because_its_ntlm_does_not_encrypt(builder: str) -> None:
    block = RECIPE[RECIPE.index(f'source "{builder}"'):].partition("\n}\n")[0]

    assert {"winrm_use_ntlm", "winrm_use_ssl"} <= set(re.findall(r"(\w+)\s+= true", block))
    assert re.search(r'winrm_username\s+= "vagrant"', block)


def test_the_template_is_ruby() -> None:
    if shutil.which("ruby") is None:
        pytest.skip("unsupported here: no ruby")
    assert subprocess.run(["ruby", "-c", str(BOX / "vagrantfile-windows.template")], check=False, capture_output=True).returncode == 0
