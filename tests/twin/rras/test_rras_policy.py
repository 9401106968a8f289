"""IKEv2CustomPolicy: every number of [MS-RRASM] 2.2.3.4.2.8 as charon's proposal, its default, and what is out of range."""

from __future__ import annotations

import pytest

from lab.twin.rras.policy import STOCK_ESP, STOCK_IKE, TABLES, UnknownPolicy, custom_policy, stock_policy

DEFAULT = ("aes256-sha256-modp1024", "3des-sha256", "modp2048")
"""With the key and no value: main mode AES-256, SHA-256, group 2; quick mode 3DES, SHA-256, PFS_2048."""


def table(**values: int) -> tuple[str, str, str]:
    policy = custom_policy(values)
    assert policy.problems == ()
    (ike,), (esp,) = policy.ike, policy.esp
    return ike, esp, policy.pfs


def test_absent_values_have_the_documented_defaults() -> None:
    assert table() == DEFAULT
    assert table(IntegrityMethod=2, EncryptionMethod=4, CipherTransformConstant=2, AuthTransformConstant=2, PfsGroup=3, DHGroup=2) == DEFAULT


@pytest.mark.parametrize(("value", "ike"), [
    ({"IntegrityMethod": 0}, "aes256-md5-modp1024"), ({"IntegrityMethod": 1}, "aes256-sha1-modp1024"), ({"IntegrityMethod": 3}, "aes256-sha384-modp1024"),
    ({"EncryptionMethod": 0}, "des-sha256-modp1024"), ({"EncryptionMethod": 1}, "3des-sha256-modp1024"), ({"EncryptionMethod": 2}, "aes128-sha256-modp1024"),
    ({"EncryptionMethod": 3}, "aes192-sha256-modp1024"),
    ({"DHGroup": 1}, "aes256-sha256-modp768"), ({"DHGroup": 3}, "aes256-sha256-modp2048"), ({"DHGroup": 4}, "aes256-sha256-ecp256"),
    ({"DHGroup": 5}, "aes256-sha256-ecp384"), ({"DHGroup": 6}, "aes256-sha256-modp2048s256"), ({"DHGroup": 0}, "aes256-sha256"),
])
def test_a_value_of_main_mode_changes_the_ike_proposal_alone(value: dict[str, int], ike: str) -> None:
    assert table(**value) == (ike, *DEFAULT[1:])


@pytest.mark.parametrize(("values", "esp"), [
    ({"CipherTransformConstant": 1}, "des-sha256"), ({"CipherTransformConstant": 3}, "aes128-sha256"), ({"CipherTransformConstant": 4}, "aes192-sha256"),
    ({"CipherTransformConstant": 5}, "aes256-sha256"), ({"AuthTransformConstant": 0}, "3des-md5"), ({"AuthTransformConstant": 1}, "3des-sha1"),
    ({"CipherTransformConstant": 6, "AuthTransformConstant": 3}, "aes128gcm16"), ({"CipherTransformConstant": 7, "AuthTransformConstant": 4}, "aes192gcm16"),
    ({"CipherTransformConstant": 8, "AuthTransformConstant": 5}, "aes256gcm16"),
])
def test_a_value_of_quick_mode_changes_the_esp_proposal_alone(values: dict[str, int], esp: str) -> None:
    assert table(**values) == (DEFAULT[0], esp, DEFAULT[2])


@pytest.mark.parametrize(("group", "pfs"), [(0, ""), (1, "modp768"), (2, "modp1024"), (3, "modp2048"), (4, "ecp256"), (5, "ecp384"), (7, "modp2048s256")])
def test_a_pfs_group_is_that_of_rekeys(group: int, pfs: str) -> None:
    assert table(PfsGroup=group) == (*DEFAULT[:2], pfs)


@pytest.mark.parametrize(("main", "pfs"), [(2, "modp1024"), (5, "ecp384"), (0, "")])
def test_pfs_group_6_is_that_of_main_mode(main: int, pfs: str) -> None:
    assert table(PfsGroup=6, DHGroup=main)[2] == pfs


@pytest.mark.parametrize(("name", "value"), [
    ("DHGroup", 7), ("DHGroup", 14), ("DHGroup", -1), ("PfsGroup", 8), ("IntegrityMethod", 4), ("EncryptionMethod", 5), ("CipherTransformConstant", 0),
    ("CipherTransformConstant", 9), ("AuthTransformConstant", 6), ("DHGroup", "3"),
])
def test_a_value_out_of_range_is_replaced_by_its_default_and_reported(name: str, value: object) -> None:
    policy = custom_policy({name: value})

    assert (*policy.ike, *policy.esp, policy.pfs) == DEFAULT
    (problem,) = policy.problems
    assert problem.startswith(f"{name}={value} is out of range; ")


def test_each_value_out_of_range_is_reported_and_the_others_count() -> None:
    policy = custom_policy({"DHGroup": 99, "PfsGroup": 99, "EncryptionMethod": 2})

    assert policy.ike == ("aes128-sha256-modp1024",)
    assert len(policy.problems) == 2


def test_other_names_in_the_key_are_nothing() -> None:
    assert custom_policy({"Dhgroupp": 3}) == custom_policy({})


def test_without_the_key_the_stock_list_is_in_force_at_group_2_without_pfs() -> None:
    policy = stock_policy()

    assert (policy.ike, policy.esp, policy.pfs, policy.problems) == (STOCK_IKE, STOCK_ESP, "", ())
    assert [part for part in policy.ike[0].split("-") if part.startswith(("modp", "ecp"))] == ["modp1024"]
    assert {"3des-sha1", "aes128-sha1", "aes256-sha256"} <= set(policy.esp)


def test_the_tables_are_those_of_the_specification() -> None:
    assert {name: (min(values), max(values)) for name, values in TABLES.items()} == {
        "IntegrityMethod": (0, 3), "EncryptionMethod": (0, 4), "CipherTransformConstant": (1, 8), "AuthTransformConstant": (0, 5), "PfsGroup": (0, 7),
        "DHGroup": (0, 6)}


@pytest.mark.parametrize(("cipher", "authentication"), [(2, 3), (5, 5)])
def test_an_undocumented_pair_is_refused_and_not_guessed(cipher: int, authentication: int) -> None:
    with pytest.raises(UnknownPolicy, match=f"AuthTransformConstant={authentication} with CipherTransformConstant={cipher}"):
        custom_policy({"CipherTransformConstant": cipher, "AuthTransformConstant": authentication})
