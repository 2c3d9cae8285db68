"""`wardian build`: what a Containerfile says is in the image, and the same each time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import machine
from tests.conftest import Wardian

pytestmark = [pytest.mark.root, pytest.mark.slow]

Build = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def base(wardian: Wardian, busybox_root: Path) -> str:
    """An image of a static busybox."""
    done = wardian("import", str(busybox_root), "bb")
    assert done.returncode == 0, done.stderr
    return "bb"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    return found


@pytest.fixture
def build(wardian: Wardian, base: str, context: Path) -> Build:
    """Build a recipe in the context: build(text, *options)."""

    def run(text: str, *options: str, **words: object) -> subprocess.CompletedProcess[str]:
        (context / "Containerfile").write_text(text)
        return wardian("build", "--no-lock", "-t", "made", *options, str(context), **words)

    return run


def built(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def config(wardian: Wardian, name: str = "made") -> dict[str, object]:
    found: dict[str, object] = json.loads(wardian("inspect", name).stdout)[0]["Config"]
    return found


def said(wardian: Wardian, *command: str) -> str:
    done = wardian("run", "made", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(wardian: Wardian, tmp_path: Path, name: str = "made") -> dict[str, tuple[object, ...]]:
    """All that is in an image."""
    place = tmp_path / f"tree-{name}"
    subprocess.run(["rm", "-rf", str(place)], check=True)
    done = wardian("export", "--directory", str(place), name)
    assert done.returncode == 0, done.stderr
    return look(place)


def look(place: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(place.rglob("*")):
        state = path.lstat()
        what: object = None
        if path.is_symlink():
            what = os.readlink(path)
        elif path.is_file():
            what = path.read_bytes()
        key = str(path.relative_to(place))
        found[key] = (oct(state.st_mode), state.st_uid, state.st_gid, what)
    return found


# ---- RUN ----------------------------------------------------------------------------------


def test_what_a_step_writes_is_in_the_image_and_nothing_else(
    build: Build, wardian: Wardian, base: str, tmp_path: Path
) -> None:
    built(build("FROM bb\nRUN mkdir /made && echo hello > /made/file && rm /bin/vi"))
    before, after = tree(wardian, tmp_path, base), tree(wardian, tmp_path)
    assert set(after) - set(before) == {"made", "made/file"}
    assert set(before) - set(after) == {"bin/vi"}
    assert after["made/file"] == ("0o100644", 0, 0, b"hello\n")


def test_the_world_of_a_step_is_a_fixed_one(build: Build, context: Path) -> None:
    done = build(
        "FROM bb\nRUN env | sort; umask; hostname; date +%Z; pwd; ls /sys/class/net",
        env={"LANG": "tr_TR.UTF-8", "SOURCE_DATE_EPOCH": "1700000000", "EXTRA": "noise"},
    )
    built(done)
    lines = done.stderr.splitlines()
    for line in (
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        "SOURCE_DATE_EPOCH=1700000000",
        "PYTHONHASHSEED=0",
        "HOME=/root",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "0022",
        "wardian",
        "UTC",
        "lo",
    ):
        assert line in lines
    assert "EXTRA" not in done.stderr
    assert "tr_TR" not in done.stderr


def test_env_and_arg_count_more_than_the_world(build: Build) -> None:
    done = build(
        "FROM bb\nARG A=default\nARG B\nENV TZ=Asia/Tokyo LANG=C A=env\nRUN echo "
        "$TZ-$LANG-$A-$B; env",
        *("--build-arg", "A=given", "--build-arg", "B=b"),
    )
    built(done)
    assert "Asia/Tokyo-C-env-b" in done.stderr
    assert "LC_ALL" not in done.stderr


def test_shell_exec_and_script_forms(build: Build, wardian: Wardian) -> None:
    built(
        build(
            'FROM bb\nSHELL ["/bin/sh", "-e", "-c"]\n'
            'RUN ["/bin/touch", "/a b"]\n'
            "RUN <<EOF\nx=1\necho $x > /script\nEOF\n"
            "RUN <<EOF\n#!/bin/busybox sh\necho $0 > /run-by\nEOF\n"
            "RUN cat > /two <<A && cat >> /two <<'B'\n1$((1+1))\nA\n$x\nB\n"
        )
    )
    assert said(wardian, "cat", "/script", "/two") == "1\n12\n$x\n"
    assert said(wardian, "ls", "/a b") == "/a b\n"
    assert said(wardian, "ls", "-A", "/").splitlines().count(".wardian-script") == 0


def test_a_step_that_fails_is_named_and_ends_with_its_code(build: Build) -> None:
    done = build("FROM bb\n\nRUN echo before \\\n && exit 7\n")
    assert done.returncode == 7
    assert 'Containerfile:3: "RUN echo before && exit 7" ended with exit code 7' in done.stderr
    assert "before" in done.stderr


def test_a_user_and_a_working_directory(build: Build, wardian: Wardian) -> None:
    built(
        build(
            "FROM bb\nRUN echo app:x:1234:1234::/home/app:/bin/sh >> /etc/passwd\n"
            "USER app\nWORKDIR /srv\nWORKDIR inner\n"
            "RUN id -u > mine; pwd >> mine; echo $HOME >> mine"
        )
    )
    assert said(wardian, "cat", "mine") == "1234\n/srv/inner\n/home/app\n"
    assert said(wardian, "stat", "-c", "%U %a", "/srv/inner", "/srv/inner/mine") == (
        "app 755\napp 644\n"
    )


# ---- mounts of RUN ------------------------------------------------------------------------


def test_a_secret_is_there_for_its_step_alone(
    build: Build, wardian: Wardian, tmp_path: Path
) -> None:
    secret = tmp_path / "key"
    secret.write_text("hidden-word")
    done = build(
        "FROM bb\n"
        "RUN --mount=type=secret,id=key,required cat /run/secrets/key | rev; stat -c "
        "%a /run/secrets/key\n"
        "RUN --mount=type=secret,id=key,target=/etc/key,mode=0444 rev /etc/key; "
        "mount | grep /etc/key\n"
        "RUN --mount=type=secret,id=v,env=WORD echo $WORD | rev\n",
        *("--secret", f"id=key,src={secret}", "--secret", "id=v,env=HIDDEN"),
        env={"HIDDEN": "also-hidden"},
    )
    built(done)
    assert done.stderr.count("drow-neddih") == 2
    assert "neddih-osla" in done.stderr
    assert "drow-neddih400\n" in done.stderr
    assert "tmpfs" in done.stderr
    found = tree(wardian, tmp_path)
    assert not any("secrets" in name or name == "etc/key" for name in found)
    root = tmp_path / "w-root"
    search = ["grep", "-rl", "hidden-word", str(root)]
    kept = subprocess.run(search, capture_output=True, text=True, check=False)
    assert kept.stdout == ""


def test_a_secret_that_must_be_there(build: Build) -> None:
    done = build("FROM bb\nRUN --mount=type=secret,id=key,required true")
    assert done.returncode == 1
    assert 'Containerfile:2:13: the secret "key" was not given' in done.stderr


def test_a_cache_stays_and_is_in_no_layer(build: Build, wardian: Wardian, tmp_path: Path) -> None:
    recipe = (
        "FROM bb\nRUN --mount=type=cache,target=/var/cache/x sh -c 'ls /var/cache/x; "
        "touch /var/cache/x/{}'"
    )
    built(build(recipe.format("one")))
    done = build(recipe.format("two"))
    built(done)
    assert "\none\n" in done.stderr
    assert not any("cache/x" in name for name in tree(wardian, tmp_path))


def test_binds_and_tmpfs_leave_nothing(
    build: Build, wardian: Wardian, base: str, context: Path, tmp_path: Path
) -> None:
    (context / "src").mkdir()
    (context / "src" / "in").write_text("data")
    done = build(
        "FROM bb AS one\nRUN echo stage > /from-one\nFROM bb\n"
        "RUN --mount=target=/src,source=src --mount=type=tmpfs,target=/scratch "
        "--mount=from=one,source=/from-one,target=/one cat /src/in /one && touch "
        "/scratch/x && ! touch /src/y\n"
        "RUN --mount=target=/src,rw touch /src/new && ls /src"
    )
    built(done)
    assert "datastage" in done.stderr
    assert not (context / "new").exists()
    assert set(tree(wardian, tmp_path)) == set(tree(wardian, tmp_path, base))


# ---- COPY and ADD -------------------------------------------------------------------------


def test_copies_have_gits_modes_and_the_sources_time(
    build: Build, wardian: Wardian, context: Path
) -> None:
    (context / "dir").mkdir(mode=0o700)
    (context / "dir" / "private").write_text("x")
    (context / "dir" / "private").chmod(0o600)
    (context / "dir" / "tool").write_text("x")
    (context / "dir" / "tool").chmod(0o775)
    (context / "dir" / "link").symlink_to("tool")
    built(build("FROM bb\nCOPY dir /to/", "--source-date-epoch", "1600000000"))
    assert said(wardian, "stat", "-c", "%n %a %u %Y", "/to/private", "/to/tool", "/to") == (
        "/to/private 644 0 1600000000\n/to/tool 755 0 1600000000\n/to 755 0 1600000000\n"
    )
    assert said(wardian, "readlink", "/to/link") == "tool\n"


def test_where_copies_go(build: Build, wardian: Wardian, context: Path) -> None:
    (context / "a.txt").write_text("a")
    (context / "b.txt").write_text("b")
    (context / "d" / "inner").mkdir(parents=True)
    (context / "d" / "inner" / "f").write_text("f")
    built(
        build(
            "FROM bb\nRUN mkdir -p /real/inner && ln -s /real /link && chmod 700 /real/inner\n"
            "COPY a.txt /x\nCOPY a.txt /y/\nCOPY *.txt /all/\nCOPY d /link\nCOPY d/ d2/\n"
            "WORKDIR /w\nCOPY a.txt .\nCOPY ./b.txt c\nCOPY --chown=7:8 --chmod=640 a.txt /own/\n"
            "COPY --exclude=inner d /ex/\nCOPY --parents d/inner/f /par/\nADD d/inner/f /added\n"
            'COPY ["a.txt", "/with blank"]\n'
        )
    )
    files = said(wardian, "find", "/x", "/y", "/all", "/real", "/d2", "/w", "/ex", "/par", "/added")
    assert sorted(files.split()) == sorted(
        [
            *("/x", "/y", "/y/a.txt", "/all", "/all/a.txt", "/all/b.txt"),
            *("/real", "/real/inner", "/real/inner/f", "/d2", "/d2/inner", "/d2/inner/f"),
            *("/w", "/w/a.txt", "/w/c", "/ex", "/par", "/par/d", "/par/d/inner", "/par/d/inner/f"),
            "/added",
        ]
    )
    assert said(wardian, "stat", "-c", "%a", "/real/inner") == "700\n"  # as it was
    assert said(wardian, "stat", "-c", "%u %g %a", "/own/a.txt", "/own") == "7 8 640\n7 8 755\n"
    assert said(wardian, "cat", "/with blank") == "a"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("COPY nothing /x", 'COPY: "nothing" is not in the context'),
        ("COPY *.zip /x", 'COPY: "*.zip": nothing in the context fits'),
        ("COPY ../x /x", 'COPY: "../x" leads out of the context'),
        ("COPY out /x", 'COPY: "out" is not in the context'),
        ("COPY f g /x", 'COPY: "/x" must be a directory: 2 sources are copied'),
        ("COPY f /bin", None),
        (
            "COPY d /bin/sh",
            'COPY: "/bin/sh" is not a directory; a directory can\'t be copied there',
        ),
        ("COPY f /bin/sh/x", 'COPY: "/bin/sh/x": something on the way is not a directory'),
        ("COPY hidden /x", 'COPY: "hidden": left out by the context\'s ignore file'),
        ("COPY --chown=nobody2 f /x", '--chown: user "nobody2"'),
    ],
)
def test_copies_that_can_not_be(
    build: Build, context: Path, line: str, message: str | None
) -> None:
    for name in ("f", "g", "hidden"):
        (context / name).write_text(name)
    (context / "d").mkdir()
    (context / "out").symlink_to("/etc")
    (context / ".dockerignore").write_text("hidden\n")
    done = build(f"FROM bb\n{line}")
    if message is None:
        built(done)
        return
    assert done.returncode in (1, 125)
    assert message in done.stderr


def test_what_the_ignore_file_leaves_out_stays_outside(
    build: Build, wardian: Wardian, context: Path
) -> None:
    for name in ("keep.md", "drop.md", "logs/a.log", "src/x.o", "src/x.c", "src/deep/y.o"):
        (context / name).parent.mkdir(exist_ok=True, parents=True)
        (context / name).write_text(name)
    (context / ".dockerignore").write_text(
        "*.md\n!keep.md\nlogs\n**/*.o\n.dockerignore\nContain*\n"
    )
    built(build("FROM bb\nCOPY . /c"))
    found = sorted(said(wardian, "find", "/c", "-type", "f").split())
    assert found == ["/c/keep.md", "/c/src/x.c"]


def test_add_unpacks_archives(build: Build, wardian: Wardian, context: Path) -> None:
    (context / "in").mkdir()
    (context / "in" / "file").write_text("packed")
    for kind in ("", "z", "j", "J"):
        name = {"": "tar", "z": "tgz", "j": "tbz", "J": "txz"}[kind]
        command = ["tar", f"-c{kind}f", str(context / f"a.{name}"), "-C", str(context / "in"), "."]
        subprocess.run(command, check=True)
    built(
        build(
            "FROM bb\nADD a.tar /tar/\nADD a.tgz /tgz/\nADD a.tbz /tbz/\nADD a.txz /txz\n"
            "ADD --unpack=false a.tgz /whole/\nCOPY a.tgz /copied/\n"
        )
    )
    for name in ("tar", "tgz", "tbz", "txz"):
        assert said(wardian, "cat", f"/{name}/file") == "packed"
    assert said(wardian, "ls", "/whole", "/copied").split() == [
        "/copied:",
        "a.tgz",
        "/whole:",
        "a.tgz",
    ]


def test_stages_give_files_to_later_ones(build: Build, wardian: Wardian, tmp_path: Path) -> None:
    built(
        build(
            "ARG B=bb\nFROM $B AS maker\n"
            "RUN mkdir -p /out/d && echo x > /out/d/f && ln /out/d/f /out/hard && ln "
            "-s d/f /out/soft"
            " && chmod 4711 /out/hard && chown 5:6 /out/d\n"
            "FROM scratch AS unused\nRUN this would fail\n"
            "FROM scratch\nCOPY --from=maker /out/ /\nCOPY --from=0 /out/s* /more/\n"
            "COPY --from=bb /bin/busybox /bin/\n"
        )
    )
    found = tree(wardian, tmp_path)
    assert found["d/f"] == ("0o104711", 0, 0, b"x\n")
    assert found["hard"][3] == b"x\n"
    assert found["d"][1:3] == (5, 6)
    assert found["soft"][3] == "d/f"
    assert found["more/soft"][3] == b"x\n"
    assert sorted(found) == ["bin", "bin/busybox", "d", "d/f", "hard", "more", "more/soft", "soft"]


def test_a_target_and_its_platform_arguments(build: Build, wardian: Wardian) -> None:
    done = build(
        "FROM bb AS first\nARG TARGETARCH\nARG TARGETPLATFORM\nRUN echo for "
        "$TARGETPLATFORM-$TARGETARCH\n"
        "FROM first AS second\nRUN exit 1",
        *("--target", "first"),
    )
    built(done)
    assert f"for linux/{_architecture()}-{_architecture()}\n" in done.stderr


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


# ---- the config ---------------------------------------------------------------------------


def test_the_config_says_what_the_recipe_says(build: Build, wardian: Wardian) -> None:
    built(
        build(
            "FROM bb\nARG V=1\nENV A=$V B='x y'\nLABEL k=v\nEXPOSE 80 53/udp "
            "8000-8001\nVOLUME /data\n"
            'USER 7\nWORKDIR /w\nSTOPSIGNAL SIGINT\nENTRYPOINT ["/bin/sh"]\nCMD ["-c", "true"]\n'
            "HEALTHCHECK --interval=1m30s --retries=3 CMD true\nONBUILD RUN echo child\n",
            *("--label", "more=1"),
        )
    )
    found = config(wardian)
    assert found["Env"] == ["A=1", "B=x y"]
    assert found["Labels"] == {"k": "v", "more": "1"}
    assert found["ExposedPorts"] == {"53/udp": {}, "80/tcp": {}, "8000/tcp": {}, "8001/tcp": {}}
    assert found["Volumes"] == {"/data": {}}
    assert (found["User"], found["WorkingDir"], found["StopSignal"]) == ("7", "/w", "SIGINT")
    assert (found["Entrypoint"], found["Cmd"]) == (["/bin/sh"], ["-c", "true"])
    assert found["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 90_000_000_000,
        "Retries": 3,
    }
    assert found["OnBuild"] == ["RUN echo child"]


def test_an_entrypoint_takes_the_bases_command_away(build: Build, wardian: Wardian) -> None:
    built(build('FROM bb\nCMD ["x"]'))
    wardian("tag", "made", "parent")
    built(build('FROM parent\nENTRYPOINT ["y"]'))
    assert config(wardian).get("Cmd") is None
    built(build('FROM parent\nCMD z\nENTRYPOINT ["y"]'))
    assert config(wardian)["Cmd"] == ["/bin/sh", "-c", "z"]


def test_onbuild_is_carried_out_by_the_child(build: Build, wardian: Wardian) -> None:
    built(build("FROM bb\nONBUILD RUN echo by-the-parent > /trigger"))
    wardian("tag", "made", "parent")
    built(build("FROM parent\nRUN cat /trigger"))
    assert said(wardian, "cat", "/trigger") == "by-the-parent\n"
    assert config(wardian).get("OnBuild") is None


def test_names_and_the_id_file(build: Build, wardian: Wardian, tmp_path: Path) -> None:
    file = tmp_path / "id"
    image = built(build("FROM bb", "-t", "second:2", "--iidfile", str(file)))
    assert file.read_text() == image
    listed = wardian("images", "-q", "--no-trunc", "second:2").stdout.split()
    assert listed == [image]


# ---- the same, again ----------------------------------------------------------------------

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


# ---- faults -------------------------------------------------------------------------------


def test_a_fault_of_the_recipe_names_file_line_and_column(build: Build) -> None:
    done = build("FROM bb\nRUN true\nCOOPY a b\n")
    assert done.returncode == 1
    assert 'wardian: Containerfile:3:1: unknown instruction "COOPY"' in done.stderr
    assert "hint: did you mean COPY?" in done.stderr


def test_a_stage_and_an_image_that_are_not_there(build: Build) -> None:
    done = build("FROM bb AS x", "--target", "y")
    assert (done.returncode, "there are: x" in done.stderr) == (1, True)
    done = build("FROM localhost:1/none", "--pull-never")
    assert done.returncode == 1
    assert 'there is no image "localhost:1/none"' in done.stderr


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
