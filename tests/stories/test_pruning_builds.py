"""`wardian prune` takes from the build cache what is of no use, and with --all everything."""

import json
from pathlib import Path

import pytest

from tests.building import Build, built
from tests.conftest import Wardian

pytestmark = [pytest.mark.root, pytest.mark.slow]
RECIPE = "FROM bb\nRUN --mount=type=cache,target=/c echo x > /c/kept; echo 1 > /one\n"


def kept(tmp_path: Path, what: str) -> list[str]:
    top = tmp_path / "w-root" / "cache" / "build" / what
    return [str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()]


def test_steps_go_with_their_layers_and_all_goes_with_all(
    build: Build, wardian: Wardian, tmp_path: Path
) -> None:
    built(build(RECIPE))
    assert wardian("prune").returncode == 0
    assert len(kept(tmp_path, "steps")) == 1
    again = json.loads(build(RECIPE, "--json").stdout)
    assert again["steps"][1]["cached"]
    assert wardian("rmi", "made").returncode == 0
    done = wardian("prune", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size"] > 0
    assert kept(tmp_path, "steps") == []
    assert len(kept(tmp_path, "mounts")) == 1
    built(build(RECIPE))
    assert wardian("prune", "--all").returncode == 0
    assert [kept(tmp_path, what) for what in ("steps", "mounts", "downloads")] == [[], [], []]


def test_the_cache_works_after_it_was_emptied(build: Build, wardian: Wardian) -> None:
    built(build(RECIPE))
    assert wardian("prune", "--all").returncode == 0
    assert wardian("import", "/nowhere", "bb").returncode != 0
    assert "bb" in build(RECIPE).stderr  # the base has gone too


def test_what_a_step_lacks_is_told_with_its_line(build: Build) -> None:
    for recipe, line in (
        ("FROM bb\nUSER nobody-here\nRUN true", 3),
        ("FROM bb\nCOPY none /", 2),
        ("FROM bb\nCOPY --from=there-is-none:1 / /", 2),
    ):
        done = build(recipe, "--pull-never")
        assert done.returncode != 0
        assert f"wardian: Containerfile:{line}: " in done.stderr, done.stderr
