"""A build gives the same image again: cached or not, elsewhere, as somebody else, after a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import machine
from tests.building import Build, built, look, said, tree
from tests.conftest import Wardian
from tests.machine import missing
from tests.users import User
from wardian.repro import surroundings

pytestmark = [pytest.mark.root, pytest.mark.slow]


RECIPE = """\
FROM bb AS one
RUN for i in 3 1 2; do echo $i > /f$i; done; mkdir -p /d/e; ln -s /f1 /d/l; ln /f2 /d/h
COPY . /src
WORKDIR /w
RUN echo someone:x:9:9::/:/bin/sh >> /etc/passwd && chown someone /w && rm -r /home && date
FROM scratch
COPY --from=one / /
USER someone
CMD ["sh"]
"""


def test_a_second_build_is_the_same_and_needs_no_step(
    build: Build, wardian: Wardian, context: Path
) -> None:
    (context / "file").write_text("x")
    first = built(build(RECIPE))
    again = build(RECIPE, "--json")
    assert again.returncode == 0, again.stderr
    document = json.loads(again.stdout)
    assert document["id"] == first
    made = [step for step in document["steps"] if step["layer"]]
    assert len(made) == 5
    assert all(step["cached"] for step in made)


def test_the_image_depends_on_no_umask_time_place_or_order(
    build: Build, wardian: Wardian, context: Path, tmp_path: Path
) -> None:
    (context / "b").write_text("b")
    (context / "a").write_text("a")
    first = built(build(RECIPE, "--no-cache"))
    other = tmp_path / "elsewhere" / "context"
    other.mkdir(parents=True)
    for name in ("Containerfile", "a", "b"):
        (other / name).write_bytes((context / name).read_bytes())
        (other / name).chmod(0o664)
        os.utime(other / name, (1_000_000_000, 1_000_000_000))
    env = {"TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "HOME": "/nowhere"}
    done = subprocess.run(
        [
            *("sh", "-c", 'umask 077; exec "$@"', "sh", sys.executable, "-m", "wardian"),
            *("build", "--no-lock", "--no-cache", "-q", str(other)),
        ],
        env={**os.environ, **env, "WARDIAN_ROOT": str(tmp_path / "w-root")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == first


def test_a_change_runs_what_depends_on_it_alone(
    build: Build, wardian: Wardian, context: Path
) -> None:
    (context / "a").write_text("1")
    recipe = "FROM bb\nRUN true > /first\nCOPY a /a\nRUN cp /a /b\nRUN true > /c"
    built(build(recipe))
    (context / "a").write_text("2")
    document = json.loads(build(recipe, "--json").stdout)
    assert [step["cached"] for step in document["steps"]] == [False, True, False, False, False]
    (context / "a").write_text("1")
    (context / "unused").write_text("x")
    document = json.loads(build(recipe, "--json").stdout)
    assert [step["cached"] for step in document["steps"]] == [False, True, True, True, True]


def test_the_time_of_a_build_is_that_of_the_commit(
    build: Build, wardian: Wardian, context: Path
) -> None:
    env = {
        "GIT_COMMITTER_DATE": "1500000000 +0200",
        "GIT_AUTHOR_DATE": "1400000000 +0000",
        **{
            f"GIT_{who}_{what}": "x"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    (context / "f").write_text("f")
    for command in (["init", "-q"], ["add", "f"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=context, check=True, env={**os.environ, **env})
    document = json.loads(build("FROM bb\nCOPY f /f", "--json").stdout)
    assert document["epoch"] == 1_500_000_000
    assert said(wardian, "stat", "-c", "%Y", "/f") == "1500000000\n"
    history = json.loads(wardian("inspect", "made").stdout)[0]
    assert history["Created"] == "2017-07-14T02:40:00Z"


def test_a_kill_in_the_middle_leaves_nothing_that_stays(
    wardian: Wardian, base: str, context: Path, tmp_path: Path
) -> None:
    (context / "Containerfile").write_text(
        "FROM bb\nRUN dd if=/dev/zero of=/big bs=1M count=8 && touch /big2 && echo "
        "ready && sleep 600"
    )
    root = tmp_path / "w-root"
    env = {**os.environ, "WARDIAN_ROOT": str(root), "WARDIAN_STATE": str(tmp_path / "w-state")}
    before = machine.leftovers()
    process = subprocess.Popen(
        [sys.executable, "-m", "wardian", "build", "--no-lock", "--progress=plain", str(context)],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line == "ready\n":
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not machine.settled(before)
    assert any((root / "kept").glob(".tmp-*"))
    (context / "Containerfile").write_text("FROM bb\nRUN true")
    done = wardian("build", "--no-lock", str(context))
    assert done.returncode == 0, done.stderr
    assert not list((root / "kept").iterdir())
    assert wardian("prune").returncode == 0
    assert not list((root / "layers").glob(".*"))
    assert not list((root / "images" / "ingest").iterdir())
    assert not list((root / "images" / "leases").iterdir())


def test_an_ordinary_users_build_is_the_same_as_roots(
    wardian: Wardian, base: str, context: Path, ordinary_user: User
) -> None:
    """The directory is elsewhere, the layers are directories, and ids are mapped."""
    (context / "file").write_text("x")
    (context / "Containerfile").write_text(RECIPE)
    done = wardian("build", "--no-lock", "-q", str(context))
    here = built(done)
    archive = ordinary_user.home / "bb.tar"
    assert wardian("save", "--format", "oci-archive", "-o", str(archive), base).returncode == 0
    subprocess.run(["cp", "-a", str(context), str(ordinary_user.home / "context")], check=True)
    subprocess.run(
        [*("chown", "-R", f"{ordinary_user.uid}:{ordinary_user.gid}"), str(ordinary_user.home)],
        check=True,
    )
    done = ordinary_user.wardian(["load", "-i", "bb.tar"])
    assert done.returncode == 0, done.stderr
    done = ordinary_user.wardian(["build", "--no-lock", "-q", "context"])
    assert built(done) == here


def test_buildah_makes_the_same_tree(
    wardian: Wardian, base: str, context: Path, tmp_path: Path
) -> None:
    """Of the same recipe: names, kinds, modes, owners and content, over many kinds of steps."""
    machine.requires("buildah")
    (context / "dir" / "sub").mkdir(parents=True)
    (context / "dir" / "sub" / "f").write_text("f")
    (context / "dir" / "tool").write_text("#!/bin/sh\n")
    (context / "dir" / "tool").chmod(0o755)
    (context / "dir" / "link").symlink_to("sub/f")
    (context / "one.txt").write_text("1")
    (context / "two.txt").write_text("2")
    archive = tmp_path / "bb.tar"
    assert wardian("save", "--format", "oci-archive", "-o", str(archive), base).returncode == 0
    (context / "Containerfile").write_text(BUILDAH_RECIPE)
    built(wardian("build", "--no-lock", "-t", "made", str(context)))
    ours = tree(wardian, tmp_path)
    theirs = _of_buildah(context, archive, tmp_path)
    # Both show a box these, and only buildah leaves what it made for that.
    shown = {"etc/hostname", "etc/hosts", "etc/resolv.conf", "run/.containerenv", "dev/console"}
    differing = {
        name: (ours.get(name), theirs.get(name))
        for name in {*ours, *theirs} - shown
        if ours.get(name) != theirs.get(name)
    }
    assert differing == {}


BUILDAH_RECIPE = """\
ARG BASE=bb
FROM $BASE AS tools
RUN mkdir -p /out/a/b && echo x > /out/a/b/c && ln /out/a/b/c /out/hard && chmod 2755 /out/a
FROM $BASE
ENV PLACE=/opt/app NAME="a b"
WORKDIR $PLACE
COPY dir/ ./
COPY *.txt texts/
COPY one.txt /${NAME}/${NONE:-none}
COPY --chown=12:34 one.txt /owned/
COPY --from=tools /out /out
RUN rm -r /home && mkdir /home && ln -s ../$PLACE /home/app && chown 7:8 /var/tmp
RUN sh -c 'echo $NAME > name'; rm texts/two.txt
USER 12
RUN touch /tmp/mine; id -u > /tmp/who
"""


def _of_buildah(context: Path, archive: Path, tmp_path: Path) -> dict[str, tuple[object, ...]]:
    storage = tmp_path / "storage"
    buildah = [
        *("buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")),
        *("--storage-driver", "vfs"),
    ]

    def run(*words: str) -> str:
        done = subprocess.run([*buildah, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    base = run("pull", "-q", f"oci-archive:{archive}")
    image = run(
        *("bud", "-q", "--isolation", "chroot", "--build-arg", f"BASE={base}", str(context))
    ).splitlines()[-1]
    container = run("from", image)
    try:
        return look(Path(run("mount", container)))
    finally:
        run("umount", container)
        run("rm", container)


def test_a_clock_that_stands_still_is_in_what_steps_write(wardian: Wardian, context: Path) -> None:
    if not surroundings.clock_library():
        missing("wardian-clock.so, which is for x86-64 and arm64")
    tools = [
        word for name in ("sh", "date", "stat") for word in ("--program", f"{name}:/bin/{name}")
    ]
    assert wardian("pack", "-q", "-t", "tools", *tools).returncode == 0
    (context / "Containerfile").write_text(
        "FROM tools\nRUN date +%s > /made; stat -c %Y /made >> /made\nENTRYPOINT []\n"
    )
    words = ("build", "--no-lock", "--source-date-epoch", "1000000000", str(context))
    first = built(wardian(*words, "-t", "made", "--clock", "commit"))
    text = "read a < /made; echo $a; read b < /made; echo $b"
    shown = wardian("run", "--entrypoint", "/bin/sh", "made", "-c", text)
    assert shown.stdout == "1000000001\n" * 2, shown.stderr
    assert built(wardian(*words, "--no-cache", "--clock", "1000000001")) == first
    cached = wardian(*words, "--clock", "commit")
    assert (built(cached), cached.stderr.count("found in the cache")) == (first, 1)
    assert built(wardian(*words)) != first
    done = wardian(*words, "--clock", "commit", "--verify", "--vary", "home,host_name")
    assert done.returncode == 0, done.stderr
    for word, message in (("noon", '--clock "noon": not real'), ("-1", '--clock "-1"')):
        assert message in wardian(*words, f"--clock={word}").stderr
