"""Fetch sources: Debian's by apt with lists of its own, PyPI's by pip.

apt is told of "deb-src" where this machine's own configuration has "deb"; nothing of the machine's
configuration changes.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.real_sources.programs import Program


class Sources:
    """Sources in a directory, each fetched once."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._is_ready = False

    def unpacked(self, program: Program, target: Path) -> str:
        """Unpack a program's source to a new directory; returns its version."""
        if "==" in program.package:
            return self._python(program.package, target)
        folder = self._place / program.package
        if not list(folder.glob("*.dsc")):
            self._prepare()
            folder.mkdir(parents=True, exist_ok=True)
            self._download(program.package, folder)
        (description,) = folder.glob("*.dsc")
        self._call("dpkg-source", "--no-check", "-q", "-x", str(description), str(target))
        return description.stem.partition("_")[2]

    def _download(self, package: str, folder: Path) -> None:
        """Fetch the newest version that the mirror really has."""
        shown = self._apt("showsrc", package, program="apt-cache")
        versions = [line[9:] for line in shown.splitlines() if line.startswith("Version: ")]
        for version in ["", *versions]:
            wanted = f"{package}={version}" if version else package
            try:
                self._apt("source", "--download-only", wanted, cwd=folder)
            except subprocess.CalledProcessError:
                for left in folder.iterdir():
                    left.unlink()
            else:
                return
        sys.exit(f"real-sources: the mirror does not have {package}")

    def _prepare(self) -> None:
        if self._is_ready:
            return
        self._is_ready = True
        lists = self._place / "apt" / "etc"
        lists.mkdir(parents=True, exist_ok=True)
        for folder in ("lists/partial", "cache/archives/partial"):
            (self._place / "apt" / folder).mkdir(parents=True, exist_ok=True)
        theirs = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("debian*")]
        for path in filter(Path.exists, theirs):
            lines = path.read_text(encoding="utf-8").splitlines()
            source = [
                "Types: deb-src"
                if line == "Types: deb"
                else "deb-src" + line[3:]
                if line.startswith("deb ")
                else line
                for line in lines
            ]
            (lists / path.name).write_text("\n".join(source) + "\n", encoding="utf-8")
        self._apt("update")

    def _apt(self, *words: str, program: str = "apt-get", cwd: Path | None = None) -> str:
        own = self._place / "apt"
        options = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": own / "etc",
            "Dir::State::lists": own / "lists",
            "Dir::Cache": own / "cache",
            "APT::Sandbox::User": "root",
        }
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return self._call(program, *given, *words, cwd=cwd)

    def _python(self, package: str, target: Path) -> str:
        folder = self._place / package
        if not list(folder.glob("*.tar.gz")):
            words = ("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder))
            own = ("--no-build-isolation", package)
            self._call(sys.executable, "-m", "pip", *words, *own)
        (archive,) = folder.glob("*.tar.gz")
        target.mkdir()
        self._call("tar", "-xzf", str(archive), "--strip-components=1", "-C", str(target))
        return package.partition("==")[2]

    @staticmethod
    def _call(*command: str, cwd: Path | None = None) -> str:
        plain = {**os.environ, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command, cwd=cwd, env=plain, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout
