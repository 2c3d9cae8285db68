"""ADD of a git repository: a branch, a tag or a commit, as the lock has it."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.building import Build, built, said, tree
from tests.conftest import Wardian
from tests.machine import requires

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Handler(SimpleHTTPRequestHandler):
    """Repositories by git's protocol, below /smart/; as plain files, below /dumb/."""

    place = ""
    token = ""

    def __init__(self, *words: object) -> None:
        super().__init__(*words, directory=self.place)  # type: ignore[arg-type]

    def log_message(self, *_words: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/smart/"):
            self._backend(b"")
        else:
            self.path = self.path.removeprefix("/dumb")
            super().do_GET()

    def do_POST(self) -> None:
        self._backend(self.rfile.read(int(self.headers.get("content-length", "0"))))

    def _backend(self, data: bytes) -> None:
        if self.token and self.headers.get("authorization") != self.token:
            self.send_error(401)
            return
        parts = urlsplit(self.path)
        env = {
            **os.environ,
            "GIT_PROJECT_ROOT": self.place,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": parts.path.removeprefix("/smart"),
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }
        words = ["git", "http-backend"]
        done = subprocess.run(words, env=env, input=data, capture_output=True, check=True)
        head, _blank, body = done.stdout.partition(b"\r\n\r\n")
        rows = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(row[1].split()[0]) for row in rows if row[0] == "Status"), 200)
        self.send_response(status)
        for row in rows:
            self.send_header(*row)
        self.end_headers()
        self.wfile.write(body)


class Repository:
    """A repository with a working tree of its own, and a server."""

    def __init__(self, place: Path) -> None:
        self.bare, self.work = place / "served" / "app.git", place / "work"
        self._git("init", "-q", "-b", "main", str(self.work), cwd=place)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.bare], check=True)
        handler = type("Own", (Handler,), {"place": str(place / "served")})
        self.handler = handler
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.smart, self.dumb = (f"http://{self.host}/{way}/app.git" for way in ("smart", "dumb"))

    def _git(self, *words: str, cwd: Path | None = None) -> str:
        who = [
            f"GIT_{role}_{word}" for role in ("AUTHOR", "COMMITTER") for word in ("NAME", "EMAIL")
        ]
        env = {**os.environ, **dict.fromkeys(who, "a@b"), "GIT_CONFIG_GLOBAL": "/dev/null"}
        command = ["git", "-c", "protocol.file.allow=always", *words]
        done = subprocess.run(
            command, cwd=cwd or self.work, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, text: str, *more: tuple[str, ...]) -> str:
        """Commit what is there, and show it to the world; returns the commit."""
        (self.work / "src").mkdir(exist_ok=True)
        (self.work / "src" / "word").write_text(text)
        (self.work / "tool").write_text("#!/bin/sh\n")
        (self.work / "tool").chmod(0o775)
        (self.work / ".dockerignore").write_text("*\n")
        for words in (("add", "-A"), ("commit", "-qm", text), *more):
            self._git(*words)
        self._git("push", "-q", "--force", "--all", str(self.bare))
        self._git("push", "-q", "--force", "--tags", str(self.bare))
        subprocess.run(["git", "-C", self.bare, "update-server-info"], check=True)
        return self._git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    requires("git")
    (tmp_path / "served").mkdir()
    made = Repository(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_branches_tags_commits_and_directories(
    build: Build, wardian: Wardian, repository: Repository
) -> None:
    first = repository.commit("one", ("tag", "-am", "x", "v1"), ("branch", "old"))
    repository.commit("two", ("branch", "v1", "HEAD"))  # a branch counts more than a tag
    smart = repository.smart
    recipe = (
        f"FROM bb\nADD {smart} /head/\nADD {smart}#old /old\nADD {smart}#v1:src /v1\n"
        f"ADD {smart}#refs/tags/v1:src /tag\nADD {smart}#{first}:/src/ /commit\n"
        f"ADD --chown=7:8 {repository.dumb}#old /dumb\nADD {repository.dumb}#{first} /first\n"
    )
    built(build(recipe))
    names = ("head/src", "old/src", "v1", "tag", "commit", "dumb/src", "first/src")
    text = said(wardian, "cat", *(f"/{name}/word" for name in names))
    assert text == "two" + "one" + "two" + "one" + "one" + "one" + "one"
    modes = said(wardian, "stat", "-c", "%n %a %u", "/head/tool", "/head/src/word", "/dumb/tool")
    assert modes == "/head/tool 755 0\n/head/src/word 644 0\n/dumb/tool 755 7\n"
    assert said(wardian, "ls", "-A", "/head").split() == [".dockerignore", "src", "tool"]


def test_the_lock_keeps_the_commit(
    wardian: Wardian,
    base: str,
    busybox_root: Path,
    context: Path,
    repository: Repository,
    tmp_path: Path,
) -> None:
    first = repository.commit("one")
    (context / "Containerfile").write_text(f"FROM {base}\nADD {repository.smart} /app\n")
    words = ("build", "-q", "-t", "made", "--no-cache", str(context))
    one = built(wardian(*words))
    document = json.loads((context / "wardian.lock").read_text())
    assert document["repositories"] == {f"{repository.smart}#HEAD": {"commit": first}}
    second = repository.commit("two")
    elsewhere = {"WARDIAN_ROOT": str(tmp_path / "elsewhere")}
    assert wardian("import", str(busybox_root), base, env=elsewhere).returncode == 0
    assert built(wardian(*words)) == one
    assert built(wardian(*words, env=elsewhere)) == one  # fetched by its id
    two = built(wardian(*words, "--update-lock"))
    assert two != one
    assert second in (context / "wardian.lock").read_text()
    # A commit that the server no longer has.
    gone = (context / "wardian.lock").read_text().replace(second, "1" * 40)
    (context / "wardian.lock").write_text(gone)
    done = wardian(*words)
    assert done.returncode != 0
    assert f'#HEAD": commit {"1" * 40} is not there any more' in done.stderr
    (context / "Containerfile").write_text(f"FROM {base}\nADD {repository.smart}#main /app\n")
    done = wardian(*words)
    assert '#main" is not in the lock' in done.stderr


def test_a_git_directory_is_the_same_however_it_was_fetched(
    build: Build, wardian: Wardian, repository: Repository, tmp_path: Path
) -> None:
    repository.commit("one")
    commit = repository.commit("two")
    found = []
    for url in (repository.smart, repository.dumb):
        built(build(f"FROM bb\nADD --keep-git-dir=true {url} /app\n", "--no-cache"))
        rows = tree(wardian, tmp_path)
        found.append({name: row for name, row in rows.items() if name != "app/.git/config"})
    assert found[0] == found[1]
    copy = tmp_path / "tree-made" / "app"
    said = []
    for words in (("log", "--format=%H %s"), ("status", "--porcelain")):
        command = ["git", "-c", "safe.directory=*", "-C", str(copy), *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        said.append(done.stdout)
    assert said == [f"{commit} two\n", ""]


def test_a_repository_in_another_comes_along(
    build: Build, wardian: Wardian, repository: Repository
) -> None:
    repository.commit("one")
    inner = repository.bare.with_name("inner.git")
    subprocess.run(["cp", "-r", repository.bare, inner], check=True)
    repository.commit(
        "two",
        ("submodule", "add", "-q", str(inner), "lib/inner"),
        ("config", "-f", ".gitmodules", "submodule.lib/inner.url", "../inner.git"),
        ("commit", "-qam", "with another"),
    )
    built(build(f"FROM bb\nADD {repository.smart} /app\n"))
    assert said(wardian, "cat", "/app/lib/inner/src/word", "/app/src/word") == "onetwo"


def test_a_token_gets_in_and_stays_out_of_the_image(
    build: Build, wardian: Wardian, repository: Repository, tmp_path: Path
) -> None:
    repository.commit("one")
    repository.handler.token = "basic eC1hY2Nlc3MtdG9rZW46aGlkZGVuLXdvcmQ="  # type: ignore[attr-defined]
    recipe = f"FROM bb\nADD {repository.smart} /app\n"
    done = build(recipe)
    assert done.returncode != 0
    assert "Containerfile:2: ADD: git ls-remote" in done.stderr
    secret = ("--secret", "id=GIT_AUTH_TOKEN,env=TOKEN")
    built(build(recipe, *secret, env={"TOKEN": "hidden-word"}))
    assert said(wardian, "cat", "/app/src/word") == "one"
    search = ["grep", "-rl", "hidden-word", str(tmp_path / "w-root")]
    assert subprocess.run(search, capture_output=True, check=False).stdout == b""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{smart}#nothing /x", 'has no branch or tag "nothing"'),
        ("{smart}#:none /x", 'ADD: "none" is not in'),
        ("{smart}#:src/word /x", "is no directory"),
        ("{smart}#:../x /x", '"../x" leads out of the repository'),
        ("{smart}#--upload-pack=x /x", '"--upload-pack=x" is no branch, tag or commit'),
        ("--checksum=12 {smart} /x", "of a repository it is a whole commit id"),
        ("--checksum=" + "1" * 40 + " {smart} /x", f"--checksum says {'1' * 40}, and it is"),
        ("http://127.0.0.1:1/a.git /x", 'git ls-remote "http://127.0.0.1:1/a.git"'),
    ],
)
def test_what_can_not_be_had(
    build: Build, repository: Repository, words: str, message: str
) -> None:
    repository.commit("one")
    done = build(f"FROM bb\nADD {words.format(smart=repository.smart)}\n")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Containerfile:2" in done.stderr


def test_a_machine_without_git_is_told(
    build: Build, repository: Repository, tmp_path: Path
) -> None:
    repository.commit("one")
    (tmp_path / "empty").mkdir()
    done = build(f"FROM bb\nADD {repository.smart} /x\n", env={"PATH": str(tmp_path / "empty")})
    assert "ADD of a repository needs git, which is not installed" in done.stderr
