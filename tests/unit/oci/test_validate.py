"""A config.json is refused with the path of its faults, or comes back as the format has it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import oci_configs
from wardian.errors import NotFoundError, SpecError
from wardian.oci import validate


def refused(document: object) -> SpecError:
    with pytest.raises(SpecError) as caught:
        validate.check(document)
    return caught.value


@pytest.mark.parametrize("make", [oci_configs.docker, oci_configs.podman, oci_configs.everything])
def test_what_engines_write_comes_back_as_it_was(make: Any) -> None:
    document = make()
    warnings: list[str] = []
    found: Any = validate.check(document, warnings)
    assert warnings == []
    if not document["process"]["terminal"]:
        del document["process"]["consoleSize"]
    assert found == document


def test_what_comes_back_is_a_copy() -> None:
    document = oci_configs.everything()
    before = json.dumps(document)
    found = validate.check(document)
    found["mounts"][0]["options"].append("x")
    found["process"]["args"].append("x")
    found["annotations"]["x"] = "y"
    assert json.dumps(document) == before


def test_the_smallest_document_has_a_version_and_a_root() -> None:
    smallest = {"ociVersion": "1.0.0", "root": {"path": "rootfs"}}
    assert validate.check(smallest) == smallest
    assert str(refused({})) == "ociVersion: is missing"
    assert refused({}).hint == "also root: is missing"


@pytest.mark.parametrize("document", [None, [], "x", 3, True, 1.5])
def test_what_is_no_object_is_refused(document: object) -> None:
    assert str(refused(document)).startswith("(top): must be an object, not ")


def test_unknown_properties_are_ignored_and_gone() -> None:
    """config.md: runtimes MUST ignore unknown properties; "wardian" is no stranger's to set."""
    document = oci_configs.docker()
    expected = validate.check(document)
    document["wardian"] = {"base": [["/", ["/"]]], "kept": True}
    document["windows"] = {"layerFolders": 5}
    document["process"]["commandLine"] = 7
    document["linux"]["resources"]["memory"]["newer"] = []
    document["mounts"][0]["reason"] = 1
    assert validate.check(document) == expected


def test_null_is_as_good_as_absent() -> None:
    document = oci_configs.docker()
    expected = validate.check(document)
    document["hostname"] = document["hooks"]["poststop"] = None
    document["process"]["rlimits"] = document["linux"]["intelRdt"] = None
    del expected["hostname"], expected["process"]["rlimits"]
    assert validate.check(document) == expected
    document["root"] = None
    assert str(refused(document)) == "root: is missing"


def test_all_faults_are_found_at_once() -> None:
    document = oci_configs.docker()
    document["ociVersion"] = "one"
    document["process"]["cwd"] = "relative"
    document["process"]["rlimits"][0]["soft"] = -1
    document["linux"]["namespaces"].append({"type": "pid"})
    error = refused(document)
    text = f"{error} {error.hint}"
    for path in (
        *("ociVersion: ", "process.cwd: ", "process.rlimits[0].soft: "),
        "linux.namespaces[6].type: ",
    ):
        assert path in text


def test_faults_without_end_are_not_all_collected() -> None:
    document = oci_configs.docker()
    document["linux"]["namespaces"] = [{"type": f"kind{number}"} for number in range(10_000)]
    error = refused(document)
    assert error.where == "linux.namespaces[0].type"
    assert error.hint.endswith("and 94 more")


def test_a_message_is_one_line_and_short_whatever_it_quotes() -> None:
    document = oci_configs.docker()
    document["ociVersion"] = "1.0\n" + "x" * 100_000
    document["linux"]["sysctl"] = {"a\nb\x1b[31m" + "y" * 10_000: "1"}
    error = refused(document)
    assert str(error).isprintable()
    assert error.hint.isprintable()
    assert len(str(error) + error.hint) < 2000


def test_the_size_of_a_console_counts_only_where_there_is_a_terminal() -> None:
    """config.md: runtimes MUST ignore `consoleSize` if `terminal` is false or unset."""
    document = oci_configs.docker()
    document["process"]["consoleSize"] = {"height": "tall"}
    error = refused(document)
    assert f"{error} {error.hint}".count("process.consoleSize.") == 2
    document["process"]["terminal"] = False
    assert "consoleSize" not in validate.check(document)["process"]
    del document["process"]["terminal"]
    assert "consoleSize" not in validate.check(document)["process"]


def test_a_process_that_joins_is_checked_by_itself() -> None:
    process = oci_configs.docker()["process"]
    assert validate.check_process(process) == process
    assert validate.check_process({"args": ["a"], "cwd": "/"}) == {"args": ["a"], "cwd": "/"}
    with pytest.raises(SpecError) as caught:
        validate.check_process({"args": [], "cwd": "x", "terminal": True, "consoleSize": 3})
    assert str(caught.value) == 'cwd: must be an absolute path, not "x"'
    assert "consoleSize: must be an object" in caught.value.hint
    assert "args: needs the program" in caught.value.hint


def test_resources_are_checked_by_themselves() -> None:
    resources = oci_configs.everything()["linux"]["resources"]
    assert validate.check_resources(resources) == resources
    assert validate.check_resources({"memory": {"limit": 5}, "other": 1}) == {
        "memory": {"limit": 5}
    }
    with pytest.raises(SpecError, match=r"^memory\.limit: must be a whole number, not 1\.5$"):
        validate.check_resources({"memory": {"limit": 1.5}})


def test_a_config_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(oci_configs.docker()))
    assert validate.read_config(str(path)) == oci_configs.docker()
    with pytest.raises(NotFoundError, match="no such file"):
        validate.read_config(f"{tmp_path}/none.json")
    path.write_text('{"ociVersion": "1.0.0",}')
    with pytest.raises(SpecError, match=r"line 1, column 2[34]"):
        validate.read_config(str(path))
    path.write_text(" " * (validate.LARGEST_CONFIG_BYTES + 1))
    with pytest.raises(SpecError, match="larger than 16777216 bytes"):
        validate.read_config(str(path))


def test_reading_a_config_loads_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(oci_configs.everything()))
    code = (
        "import sys; sys.path.append(sys.argv[1]); from wardian.oci import validate; "
        "validate.read_config(sys.argv[2]); print(sorted(name for name in sys.modules "
        "if name in ('json', 're', 'typing', 'enum', 'collections', 'ctypes', 'difflib')))"
    )
    source = str(Path(validate.__file__).parents[2])
    command = [sys.executable, "-I", "-S", "-c", code, source, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
