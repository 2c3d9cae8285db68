"""Hooks run with nothing of the image: CVE-2025-23266, "NVIDIAScape", and its class.

A createContainer hook was started with the environment of the container, where an image can put
LD_PRELOAD, and with the image's root as its working directory. A hook that has no `env` gets an
empty one; those that run on the host's side are never inside of the root.

runc 1.1.5 gives hooks without `env` its own environment, and its working directory is the bundle.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runtimes import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.slow]

OUTSIDE = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")


def hook(record: Path, env: list[str] | None = None) -> dict[str, Any]:
    """A hook that writes down its environment, its working directory and its input."""
    script = (
        f"{{ echo CWD=$(pwd -P); /usr/bin/tr '\\0' '\\n' </proc/self/environ; echo; }} >{record}"
    )
    made: dict[str, Any] = {
        "path": "/bin/sh",
        "args": ["sh", "-c", f"{script}; /bin/cat >>{record}"],
    }
    if env is not None:
        made["env"] = env
    return made


def told(record: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment, with CWD, and the state that a hook was given."""
    environment, _, state = record.read_text().partition("\n\n")
    pairs = [line.partition("=") for line in environment.splitlines() if line]
    return {name: value for name, _, value in pairs}, json.loads(state)


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_hook_without_an_environment_gets_an_empty_one(
    kind: str, oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    evil = "/evil.so"
    bundle.config["process"]["env"] = [f"LD_PRELOAD={evil}", "PATH=/evil:/bin", "BASH_ENV=/evil"]
    bundle.config["hooks"] = {kind: [hook(tmp_path / "record")]}
    done = oci.run(bundle)
    assert done.returncode == 0, done.stderr
    environment, state = told(tmp_path / "record")
    assert environment.pop("CWD") not in ("", str(bundle.rootfs.resolve()))
    assert evil not in environment.values()
    # busybox and dash set these themselves
    assert {name for name in environment if name not in ("PWD", "OLDPWD", "SHLVL", "_")} == set()
    assert state["bundle"] == str(bundle.path)


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_hook_is_not_inside_the_root(
    kind: str, oci: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    """Its programs and its working directory are the host's, whatever the image holds."""
    (bundle.rootfs / "bin" / "sh").unlink()
    (bundle.rootfs / "bin" / "sh").write_text("not a program")
    bundle.config["process"]["args"] = ["/bin/busybox", "true"]
    bundle.config["hooks"] = {kind: [hook(tmp_path / "record", ["A=b"])]}
    done = oci.run(bundle)
    assert done.returncode == 0, done.stderr
    environment, _state = told(tmp_path / "record")
    assert environment["A"] == "b"
    assert not Path(environment["CWD"]).is_relative_to(bundle.rootfs.resolve())


def test_a_hook_of_the_container_s_side_has_nothing_of_the_host_s_environment(
    oci: Runtime, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "secret")
    (bundle.rootfs / "record").touch()
    script = (
        "/bin/tr '\\0' '\\n' </proc/$$/environ >/record; pwd >>/record; ls /proc/$$/fd >>/record"
    )
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    done = oci.run(bundle)
    assert done.returncode == 0, done.stderr
    lines = (bundle.rootfs / "record").read_text().splitlines()
    assert not any("OF_THE_HOST" in line for line in lines), lines
    assert lines[-4:-1] == ["0", "1", "2"] or lines[-3:] == ["0", "1", "2"], lines
