"""An analysis is run with a record, replayed elsewhere, and two records are explained."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wardian
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

ANALYSIS = """
import json, os, random
rows = [float(line) for line in open("data/measured.csv")]
random.seed(int(os.environ["WARDIAN_SEED"]))
found = {"mean": sum(rows) / len(rows), "noise": random.random(), "groups": list({"a", "b", "c"})}
json.dump(found, open("fit.json", "w"))
print("fitted", len(rows))
"""
RUN = ("repro", "run", "--input", "data/measured.csv", "--output", "fit.json")


def git(where: Path, *words: str) -> str:
    own = ["-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *own, "-C", where, *words], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with an analysis, and its data beside."""
    where = tmp_path / "project"
    where.mkdir()
    (where / "fit.py").write_text(ANALYSIS)
    git(where, "init", "-q")
    git(where, "add", ".")
    git(where, "commit", "-q", "-m", "the analysis")
    (where / "data").mkdir()
    (where / "data" / "measured.csv").write_text("\n".join(map(str, range(100))))
    return where


@pytest.fixture
def recorded(project: Path, wardian: Wardian) -> Path:
    record = project.parent / "record.json"
    command = ("--seed", "7", "--record", str(record), "--", "python3", "fit.py")
    done = wardian(*RUN, *command, cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fitted 100\n", "")
    return record


def test_a_record_names_all_that_went_in_and_came_out(project: Path, recorded: Path) -> None:
    record = json.loads(recorded.read_text())
    assert record["source"]["commit"] == git(project, "rev-parse", "HEAD")
    assert record["command"] == ["python3", "fit.py"]
    assert record["inputs"]["data/measured.csv"]["size"] == 289
    made = subprocess.run(["sha256sum", project / "fit.json"], capture_output=True, check=True)
    assert record["outputs"]["fit.json"]["digest"] == made.stdout.decode().split()[0]
    assert (record["seed"], record["conditions"]["threads"]) == (7, 1)
    assert record["machine"]["cpu_features"]
    assert len(record["environment"]["plan"]) == 64
    assert len(record["environment"]["packages"]) > 50


def test_a_replay_gives_the_same_bits_from_a_clone_in_another_world(
    project: Path, recorded: Path, wardian: Wardian, tmp_path: Path
) -> None:
    clone = tmp_path / "elsewhere" / "clone"
    git(tmp_path, "clone", "-q", str(project), str(clone))
    words = ("--input", f"data/measured.csv={project}/data/measured.csv")
    refused = wardian("repro", "replay", str(recorded), *words, cwd=clone)
    assert "not NAME=PATH" in refused.stderr
    (clone / "data").mkdir()
    (clone / "data" / "measured.csv").write_bytes((project / "data/measured.csv").read_bytes())
    again = tmp_path / "again.json"
    other = {"LC_ALL": "C", "TZ": "GMT-14", "PYTHONHASHSEED": "3", "HOME": "/nowhere"}
    done = wardian("repro", "replay", str(recorded), "--record", str(again), cwd=clone, env=other)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 output is the same bit for bit\n")
    one, two = (json.loads(path.read_text()) for path in (recorded, again))
    assert one["environment"]["plan"] == two["environment"]["plan"]
    assert one["outputs"] == two["outputs"]
    assert not (clone / "fit.json").exists()


def test_an_ordinary_user_replays_what_root_has_recorded(
    project: Path, recorded: Path, ordinary_user: User
) -> None:
    home = ordinary_user.home / "clone"
    subprocess.run(["cp", "-r", project, home], check=True)
    subprocess.run(["cp", recorded, home / "record.json"], check=True)
    subprocess.run(["chown", "-R", f"{ordinary_user.uid}:{ordinary_user.gid}", home], check=True)
    done = ordinary_user.run(["sh", "-c", "cd clone && wardian repro replay record.json"])
    assert done.returncode == 0, done.stderr
    assert "1 output is the same bit for bit" in done.stdout


def test_another_input_is_refused_by_its_digest(
    project: Path, recorded: Path, wardian: Wardian
) -> None:
    with open(project / "data" / "measured.csv", "a", encoding="utf-8") as file:
        file.write("\n5")
    done = wardian("repro", "replay", str(recorded), cwd=project)
    assert done.returncode == 125
    assert 'input "data/measured.csv" is not the recorded one' in done.stderr


def test_a_commit_that_is_not_there_is_named(
    recorded: Path, wardian: Wardian, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    done = wardian("repro", "replay", str(recorded), "--source", str(other), cwd=other)
    assert done.returncode == 125
    assert "is not in" in done.stderr


def test_a_dirty_tree_is_refused_or_kept_as_a_patch(
    project: Path, wardian: Wardian, tmp_path: Path
) -> None:
    (project / "fit.py").write_text(ANALYSIS.replace("mean", "average"))
    record = tmp_path / "dirty.json"
    words = ("--record", str(record), "--", "python3", "fit.py")
    refused = wardian(*RUN, *words, cwd=project)
    assert refused.returncode == 125
    assert '"fit.py" is not as in the commit' in refused.stderr
    done = wardian(*RUN, "--dirty", *words, cwd=project)
    assert done.returncode == 0, done.stderr
    assert "average" in (project / "fit.json").read_text()
    git(project, "checkout", "-q", "fit.py")
    again = wardian("repro", "replay", str(record), cwd=project)
    assert again.returncode == 0, again.stderr
    assert "average" in json.loads(record.read_text())["source"]["patch"]


def test_the_repository_is_left_as_it_is(project: Path, recorded: Path) -> None:
    assert git(project, "status", "--porcelain") == "?? data/\n?? fit.json"
    assert git(project, "count-objects").startswith("3 objects")


def test_two_records_are_explained_in_the_order_of_causes(
    project: Path, recorded: Path, wardian: Wardian, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    words = ("--seed", "8", "--record", str(other), "--", "python3", "fit.py")
    assert wardian(*RUN, *words, cwd=project).returncode == 0
    done = wardian("repro", "diff", str(recorded), str(other))
    assert done.returncode == 1
    assert "'WARDIAN_SEED', '7'] -> ['WARDIAN_SEED', '8'" in done.stdout
    assert "the outputs differ, and so do the programs, the conditions" in done.stdout
    same = wardian("repro", "diff", str(recorded), str(recorded))
    assert (same.returncode, same.stdout.splitlines()[-1][:1]) == (0, "1")
    rows = json.loads(wardian("repro", "diff", "--json", str(recorded), str(other)).stdout)
    assert rows["same_outputs"] is False


def test_a_run_with_real_randomness_is_found_by_its_replay(
    project: Path, wardian: Wardian, tmp_path: Path
) -> None:
    record = tmp_path / "random.json"
    words = ("--output", "made", "--record", str(record), "--")
    script = "head -c 8 /dev/urandom > made"
    assert wardian("repro", "run", *words, "sh", "-c", script, cwd=project).returncode == 0
    done = wardian("repro", "replay", str(record), cwd=project)
    assert done.returncode == 1
    assert "the outputs differ, and nothing that was recorded explains it" in done.stdout


def test_the_command_s_exit_code_is_that_of_the_run(
    project: Path, wardian: Wardian, tmp_path: Path
) -> None:
    record = tmp_path / "failed.json"
    words = ("--record", str(record), "--", "sh", "-c", "echo no >&2; exit 3")
    done = wardian("repro", "run", *words, cwd=project)
    assert (done.returncode, done.stderr) == (3, "no\n")
    assert json.loads(record.read_text())["exit_code"] == 3


def test_a_named_input_is_shown_read_only_and_asked_for_again(
    project: Path, wardian: Wardian, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("42\n")
    record = tmp_path / "named.json"
    script = "cat /inputs/number; echo x > /inputs/number || echo refused"
    words = ("--input", f"number={outside}", "--output", "-", "--record", str(record), "--")
    done = wardian("repro", "run", *words, "sh", "-c", script, cwd=project)
    assert done.stdout == "42\nrefused\n"
    asked = wardian("repro", "replay", str(record), cwd=project)
    assert 'input "number" is not told' in asked.stderr
    assert asked.stderr.endswith("hint: --input number=PATH\n")
    moved = outside.rename(tmp_path / "moved.txt")
    again = wardian("repro", "replay", str(record), "--input", f"number={moved}", cwd=project)
    assert again.returncode == 0, again.stderr


def test_the_clock_stands_where_it_is_asked_to(
    project: Path, wardian: Wardian, tmp_path: Path
) -> None:
    words = ("--clock", "commit", "--output", "-", "--record", str(tmp_path / "r"), "--")
    done = wardian("repro", "run", *words, "date", "+%s", cwd=project)
    assert int(done.stdout) == int(git(project, "log", "-1", "--format=%ct")) + 1


def test_what_is_no_record_is_refused(wardian: Wardian, tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"format": "wardian run record 1"}', "[" * 100_000):
        bad = tmp_path / "bad.json"
        bad.write_text(text)
        done = wardian("repro", "replay", str(bad), cwd=tmp_path)
        assert done.returncode == 125
        assert done.stderr.startswith(f"wardian: {bad}: ")
    gone = wardian("repro", "replay", "no-such.json", cwd=tmp_path)
    assert gone.stderr == 'wardian: record "no-such.json": no such file or directory\n'


@pytest.fixture
def documents(project: Path, wardian: Wardian, tmp_path: Path) -> tuple[str, str]:
    paths = tmp_path / "provenance.json", tmp_path / "sbom.json"
    words = ("--provenance", str(paths[0]), "--sbom", str(paths[1]), "--record", "r.json", "--")
    assert wardian(*RUN, *words, "python3", "fit.py", cwd=project).returncode == 0
    return paths[0].read_text(), paths[1].read_text()


@pytest.mark.filterwarnings("default")
def test_the_provenance_is_what_in_toto_and_slsa_ask_for(
    documents: tuple[str, str], project: Path
) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    text, _sbom = documents
    document: dict[str, Any] = json.loads(text)
    whole = json_format.ParseDict(document, statement_pb2.Statement())
    Statement.copy_from_pb(whole).validate()
    read = json_format.ParseDict(document["predicate"], provenance_pb2.Provenance())
    source = read.build_definition.resolved_dependencies[0]
    assert source.digest["gitCommit"] == git(project, "rev-parse", "HEAD")
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert [one["name"] for one in document["subject"]] == ["fit.json"]


@pytest.mark.filterwarnings("default")
def test_the_bill_of_materials_is_valid_by_the_schema(documents: tuple[str, str]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    _provenance, text = documents
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"library"', '"no such type"')) is not None
    names = {one["name"] for one in json.loads(text)["components"]}
    assert {"libc6", "data/measured.csv"} <= names
