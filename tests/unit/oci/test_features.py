"""The features document says what the code does, and the checker recognises all that it names."""

from typing import Any

import pytest

from tests import oci_configs
from wardian.kernel import libseccomp
from wardian.oci import validate
from wardian.oci.features import features
from wardian.runtime import mount_options


@pytest.fixture
def document() -> Any:
    return features((6, 1), version="0.1.0")


def test_both_versions_are_accepted_and_in_order(document: Any) -> None:
    """features.md: the runtime MUST accept these values as the `ociVersion` of config.json."""
    config = oci_configs.docker()
    for key in ("ociVersionMin", "ociVersionMax"):
        config["ociVersion"] = document[key]
        assert validate.check(config)["ociVersion"] == document[key]
    assert document["ociVersionMin"] < document["ociVersionMax"]


def test_the_checker_recognises_every_name(document: Any) -> None:
    linux = document["linux"]
    config = oci_configs.everything()
    assert set(config["hooks"]) == set(document["hooks"])
    config["linux"]["namespaces"] = [{"type": each} for each in linux["namespaces"]]
    config["process"]["capabilities"]["bounding"] = linux["capabilities"]
    warnings: list[str] = []
    validate.check(config, warnings)
    assert warnings == []
    for mode in linux["memoryPolicy"]["modes"]:
        nodes = "" if mode in ("MPOL_DEFAULT", "MPOL_LOCAL") else "0"
        for flag in linux["memoryPolicy"]["flags"]:
            config["linux"]["memoryPolicy"] = {"mode": mode, "nodes": nodes, "flags": [flag]}
            validate.check(config)


def test_mount_options_are_the_compiler_s_and_none_is_data(document: Any) -> None:
    """features.md: this array SHOULD NOT contain filesystem-specific options."""
    assert document["mountOptions"] == list(mount_options.KNOWN)
    assert mount_options.MountOptions(document["mountOptions"]).data == []


def test_what_seccomp_can_is_what_the_compiler_can(document: Any) -> None:
    part = document["linux"]["seccomp"]
    assert set(part["actions"]) == set(libseccomp.ACTIONS)
    assert {"SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"} < set(part["operators"])
    assert {"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"} < set(part["archs"])


def test_a_flag_that_the_kernel_is_too_old_for_is_known_but_not_supported() -> None:
    new = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    for kernel, supported in (((5, 18), False), ((5, 19), True), ((6, 0), True)):
        part: Any = features(kernel, version="0.1.0")["linux"]
        assert new in part["seccomp"]["knownFlags"]
        assert (new in part["seccomp"]["supportedFlags"]) is supported
        assert "SECCOMP_FILTER_FLAG_LOG" in part["seccomp"]["supportedFlags"]


def test_nothing_is_null_and_annotations_are_strings(document: Any) -> None:
    def walk(value: Any) -> None:
        assert value is not None
        for inner in value.values() if isinstance(value, dict) else ():
            walk(inner)

    walk(document)
    assert all(isinstance(each, str) and each for each in document["annotations"].values())
