"""COPY and ADD: where files go, whose they are, and what is left out."""

import subprocess
from pathlib import Path

import pytest

from tests.building import Build, built, said, tree
from tests.conftest import Wardian

pytestmark = [pytest.mark.root, pytest.mark.slow]


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


def test_symbolic_modes_begin_with_the_mode_that_is_there(
    build: Build, wardian: Wardian, context: Path
) -> None:
    (context / "d" / "inner").mkdir(parents=True)
    (context / "d" / "tool").write_text("x")
    (context / "d" / "tool").chmod(0o755)
    (context / "d" / "inner" / "text").write_text("x")
    built(build("FROM bb\nARG M=rX\nCOPY --chmod=u=rwX,go=$M d /a\nADD --chmod=o-rwx,g+w d /b\n"))
    names = [f"{top}/{name}" for top in ("/a", "/b") for name in ("tool", "inner", "inner/text")]
    modes = said(wardian, "stat", "-c", "%a", *names)
    assert modes.split() == ["755", "755", "644", "770", "770", "660"]
    done = build("FROM bb\nCOPY --chmod=rwx d /a\n")
    assert '2:14: --chmod "rwx" is neither octal nor symbolic' in done.stderr


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
        ("WORKDIR /bin/sh", 'Containerfile:2:9: "/bin/sh" is no directory'),
        ("WORKDIR /bin/sh/x", '"/bin/sh/x": something on the way is not a directory'),
        (
            "COPY --from=nowhere.invalid/x f /x",
            'Containerfile:2: COPY: image "nowhere.invalid/x" is not here',
        ),
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
