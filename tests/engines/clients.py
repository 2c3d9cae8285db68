"""The command lines of the engines, each in the playground."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engines.playground import GROUP, Playground
from tests.habits.project import ROOT
from tests.runtimes import Done

IMAGE = "localhost/box:1"
GUIDE = ROOT / "docs" / "guides" / "engines.md"


def snippet(path: str) -> str:
    """The file of that name as the guide shows it: the block after the line that names it."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(rf"^`{re.escape(path)}`.*?^```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"the guide shows no {path}"
    return found[1]


class Client:
    """A command of an engine.

    Attributes:
        place: where it runs.
        words: how every call begins.
        limited: the first words of calls that make a container, and take --cgroup-parent.
    """

    limited: Sequence[tuple[str, ...]] = ()

    def __init__(self, place: Playground, *words: str) -> None:
        self.place, self.words = place, words

    def argv(self, *args: str | Path) -> list[str | Path]:
        """The whole command line."""
        for first in self.limited:
            if args[: len(first)] == first:
                parent = f"--cgroup-parent=/{GROUP}/{self.words[0]}"
                return [*self.words, *first, parent, *args[len(first) :]]
        return [*self.words, *args]

    def __call__(self, *args: str | Path, input: str = "") -> Done:  # noqa: A002
        """Call it."""
        return self.place.run(*self.argv(*args), input=input)

    def output(self, *args: str | Path, input: str = "") -> str:  # noqa: A002
        """Call it; it must succeed. Returns what it printed."""
        done = self(*args, input=input)
        assert done.returncode == 0, f"{args}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container."""
        (found,) = json.loads(self.output("inspect", name))
        document: dict[str, Any] = found
        return document

    def shell(self, *options: str | Path, script: str) -> str:
        """Run a shell script in a new container that is removed afterwards; returns its output."""
        return self.output("run", "--rm", *options, IMAGE, "sh", "-c", script)

    def sleeping(self, name: str, *options: str | Path) -> str:
        """Start a container that sleeps, and ends at once when it is stopped; returns its name."""
        script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"
        self.output("run", "-d", "--name", name, *options, IMAGE, "sh", "-c", script)
        return name


class Podman(Client):
    """podman as root; containers have no network unless the call says which."""

    limited = (("run",), ("create",), ("pod", "create"))

    def __init__(self, place: Playground) -> None:
        super().__init__(place, "podman")

    def argv(self, *args: str | Path) -> list[str | Path]:
        """The whole command line."""
        words = super().argv(*args)
        chosen = any(str(word).startswith(("--network", "--pod", "-p")) for word in args)
        if args[0] in ("run", "create") and not chosen:
            words[3:3] = ["--network=none"]
        return words


class Docker(Client):
    """docker, with a daemon."""

    limited = (("run",), ("create",))

    def __init__(self, place: Playground) -> None:
        super().__init__(place, "docker")

    def shell(self, *options: str | Path, script: str) -> str:
        """Run a shell script in a new container that is removed afterwards; returns its output."""
        return self.output("run", "--rm", *options, "box:1", "sh", "-c", script)

    def sleeping(self, name: str, *options: str | Path) -> str:
        """Start a container that sleeps, and ends at once when it is stopped; returns its name."""
        script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"
        self.output("run", "-d", "--name", name, *options, "box:1", "sh", "-c", script)
        return name


def image_archive(place: Playground, root: Path) -> Path:
    """Pack a root file system into an archive that engines can import."""
    archive = place.files / "box.tar"
    if not archive.exists():
        pack = ["tar", "-C", str(root), "--owner=0", "--group=0", "--numeric-owner"]
        subprocess.run([*pack, "-cf", str(archive), "."], check=True)
        os.chmod(archive, 0o644)
    return archive
