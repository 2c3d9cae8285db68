"""docker's words for lists of images: filters, formats, all tags, indexes of remote images."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures
from tests.conftest import Wardian
from tests.registries import Registry, registry, skopeo

Remote = tuple[Registry, dict[str, str]]
DATES = {"old:1": "1000000000", "new:1": "1700000000"}


@pytest.fixture
def three(wardian: Wardian, tmp_path: Path) -> None:
    """Images of other dates, labels and names, and one that lost its name."""
    root = tmp_path / "tree"
    root.mkdir()
    for name, date in DATES.items():
        root.joinpath("name").write_text(name)
        change = f"LABEL age={name.partition(':')[0]}"
        done = wardian("import", "-c", change, str(root), name, env={"SOURCE_DATE_EPOCH": date})
        assert done.returncode == 0, done.stderr
    for text in ("first", "second"):
        root.joinpath("name").write_text(text)
        wardian("import", str(root), "team/app:2")


def listed(wardian: Wardian, *words: str) -> list[str]:
    done = wardian("images", "--format", "{{.Repository}}:{{.Tag}}", *words)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split())


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["dangling=true"], ["<none>:<none>"]),
        (["dangling=false"], ["new:1", "old:1", "team/app:2"]),
        (["reference=*:1"], ["new:1", "old:1"]),
        (["reference=team/*"], ["team/app:2"]),
        (["reference=app"], []),
        (["reference=old", "reference=new:1"], ["new:1", "old:1"]),
        (["label=age"], ["new:1", "old:1"]),
        (["label=age=old"], ["old:1"]),
        (["label=age", "reference=new"], ["new:1"]),
        (["before=new:1", "label=age"], ["old:1"]),
        (["since=old:1"], ["new:1"]),
        (["until=2010-01-01", "label=age"], ["old:1"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_filters_choose_what_is_listed(
    wardian: Wardian, filters: list[str], expected: list[str]
) -> None:
    words = [word for one in filters for word in ("--filter", one)]
    assert listed(wardian, *words) == expected


@pytest.mark.parametrize("text", ["age=1", "dangling", "dangling=maybe", "until=later", "label="])
def test_a_filter_that_means_nothing_is_refused(wardian: Wardian, text: str) -> None:
    done = wardian("images", "-f", text)
    assert done.returncode == 125, done.stderr
    assert text in done.stderr


@pytest.mark.usefixtures("three")
def test_formats_print_fields_lines_and_tables(wardian: Wardian) -> None:
    (image_id,) = wardian("images", "-q", "--no-trunc", "old").stdout.split()
    assert wardian("images", "--format", "{{.ID}}", "old").stdout == f"{image_id[7:19]}\n"
    done = wardian("images", "--no-trunc", "--format", r"{{.ID}}\t{{.CreatedAt}}", "old")
    assert done.stdout == f"{image_id}\t2001-09-09T01:46:40Z\n"
    done = wardian("images", "--format", r"table {{.Tag}}\t{{.ID}}\t{{.Repository}}", "old")
    heading, line = done.stdout.splitlines()
    assert heading.split() == ["TAG", "IMAGE", "ID", "REPOSITORY"]
    assert line.split() == ["1", image_id[7:19], "old"]
    assert heading.index("IMAGE") == line.index(image_id[7:19])
    done = wardian("images", "--format", "{{.Colour}}")
    assert done.returncode == 125
    assert 'no field ".Colour"; there are .Repository, .Tag' in done.stderr


@pytest.mark.usefixtures("three")
def test_inspect_and_history_take_templates(wardian: Wardian) -> None:
    done = wardian("inspect", "-f", '{{index .Config.Labels "age"}} {{.Os}}', "old:1", "new:1")
    assert done.stdout == "old linux\nnew linux\n"
    assert json.loads(wardian("inspect", "-f", "{{json .RepoTags}}", "old:1").stdout) == ["old:1"]
    done = wardian("inspect", "--type", "container", "old:1")
    assert (done.returncode, "container" in done.stderr) == (125, True)
    done = wardian("history", "--format", "{{.CreatedAt}} {{.CreatedSince}}", "old:1")
    assert done.stdout.startswith("2001-09-09T01:46:40Z ")


# ---- with a registry -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    made = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
    rows = {
        "amd": made.manifest([{"which": b"amd"}]),
        "arm": made.manifest([{"which": b"arm"}], platform="linux/arm64"),
    }
    for tag, row in rows.items():
        made.name(row, tag)
    with registry(tmp_path_factory.mktemp("registry")) as running:
        for tag in rows:
            skopeo(
                *("copy", "--dest-tls-verify=false", "--preserve-digests"),
                *(f"oci:{made.path}:{tag}", f"docker://{running.address}/team/app:{tag}"),
            )
        yield running, {tag: row["digest"] for tag, row in rows.items()}


def test_all_tags_of_a_repository_are_pulled(wardian: Wardian, remote: Remote) -> None:
    running, _digests = remote
    name = f"{running.address}/team/app"
    done = wardian("pull", "--all-tags", name)
    assert done.returncode == 0, done.stderr
    assert listed(wardian) == [f"{name}:amd", f"{name}:arm"]
    done = wardian("pull", "-a", f"{name}:amd")
    assert done.returncode == 125
    assert "without a tag" in done.stderr
    assert wardian("pull", "-a", f"{running.address}/team/none").returncode == 1


def test_an_index_is_made_of_images_that_only_the_registry_has(
    wardian: Wardian, remote: Remote
) -> None:
    running, known = remote
    name = f"{running.address}/team/app"
    done = wardian("manifest", "create", f"{name}:all", f"{name}:amd", f"{name}:arm")
    assert done.returncode == 0, done.stderr
    done = wardian("manifest", "push", f"{name}:all")
    assert done.returncode == 0, done.stderr
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}:all").stdout
    rows = json.loads(raw)["manifests"]
    assert {row["platform"]["architecture"]: row["digest"] for row in rows} == {
        "amd64": known["amd"],
        "arm64": known["arm"],
    }
    done = wardian("manifest", "create", "other:1", f"{name}:none")
    assert done.returncode == 1
    assert f"{name}:none" in done.stderr
