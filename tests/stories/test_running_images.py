"""`wardian run IMAGE` as root: what the image says, what was asked for, and what stays behind."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import wardian
from tests.conftest import Wardian
from tests.foreign import busybox
from tests.machine import requires
from wardian.engine import directories
from wardian.errors import NotFoundError, StatusError, UsageError
from wardian.images.store import Store

pytestmark = pytest.mark.root

PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n"
GROUP = "root:x:0:\nwww:x:34:\nextra:x:50:web\n"
CHANGES = (
    'ENTRYPOINT ["/bin/busybox"]',
    'CMD ["id"]',
    "ENV A=image B=image",
    "USER web",
    "WORKDIR /srv/app",
    "STOPSIGNAL SIGINT",
    "EXPOSE 80",
    "VOLUME /data",
)


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / "w-root"))


@pytest.fixture
def root(busybox_root: Path) -> Path:
    (busybox_root / "etc/passwd").write_text(PASSWD)
    (busybox_root / "etc/group").write_text(GROUP)
    return busybox_root


@pytest.fixture
def app(wardian: Wardian, root: Path) -> str:
    words = [word for change in CHANGES for word in ("-c", change)]
    done = wardian("import", *words, str(root), "app:1")
    assert done.returncode == 0, done.stderr
    return "app:1"


def test_the_image_says_what_runs_as_whom_and_where(wardian: Wardian, app: str) -> None:
    done = wardian("run", app)
    assert done.stdout == "uid=33(web) gid=34(www) groups=50(extra)\n", done.stderr
    script = "echo $A $B $HOME; pwd; echo x > /tmp/x; cat /tmp/x"
    done = wardian("run", "-e", "B=asked", app, "sh", "-c", script)
    assert done.stdout.splitlines() == ["image asked /var/www", "/srv/app", "x"], done.stderr
    facts = json.loads(wardian("inspect", app).stdout)[0]
    assert facts["Config"]["ExposedPorts"] == {"80/tcp": {}}


def test_what_was_asked_for_counts_more(wardian: Wardian, app: str) -> None:
    done = wardian("run", "--user", "0", "--workdir", "/etc", app, "sh", "-c", "id -u; pwd")
    assert done.stdout == "0\n/etc\n"
    done = wardian("run", "--user", "web:extra", app, "id", "-g")
    assert done.stdout == "50\n"
    done = wardian("run", "--entrypoint", "/bin/echo", app, "one", "two")
    assert done.stdout == "one two\n"
    done = wardian("run", "--entrypoint=", app, "echo", "--", "-n")
    assert done.stdout == "-- -n\n"
    done = wardian("run", "--entrypoint", "/bin/pwd", app)
    assert done.stdout == "/srv/app\n"


def test_exit_codes_are_docker_s(wardian: Wardian, app: str) -> None:
    assert wardian("run", app, "sh", "-c", "exit 7").returncode == 7
    assert wardian("run", "--entrypoint", "/no/such", app).returncode == 127
    assert wardian("run", "--entrypoint", "/etc/passwd", app).returncode == 126
    for words in (("--pull", "never", "nope:1"), ("--user", "nobody-here", app), ("A B",)):
        done = wardian("run", *words)
        assert done.returncode == 125, words
        assert len(done.stderr.splitlines()) <= 2
        assert "Traceback" not in done.stderr


def test_an_image_is_found_by_every_word_for_it(wardian: Wardian, app: str) -> None:
    facts = json.loads(wardian("inspect", app).stdout)[0]
    image_id, digest = facts["Id"], facts["Descriptor"]["digest"]
    for word in (app, image_id, image_id[:19], image_id[7:19], digest):
        done = wardian("run", "--pull", "never", word, "echo", "here")
        assert done.stdout == "here\n", (word, done.stderr)


def test_a_name_that_moves_is_seen_at_once(wardian: Wardian, app: str, root: Path) -> None:
    assert wardian("run", app, "cat", "/etc/new").returncode == 1
    (root / "etc/new").write_text("new\n")
    wardian("import", str(root), "app:1")
    assert wardian("run", app, "cat", "/etc/new").stdout == "new\n"
    wardian("rmi", app)
    done = wardian("run", "--pull", "never", app)
    assert done.returncode == 125
    assert 'there is no image "app:1"' in done.stderr


def test_accounts_are_those_of_all_layers_together(wardian: Wardian, root: Path) -> None:
    wardian("import", "-c", "USER web", str(root), "base:1")
    wardian("run", "--keep", "k", "--user", "0", "base:1", "rm", "/etc/group")
    wardian("commit", "k", "bare:1")
    assert wardian("run", "bare:1", "id", "-u").stdout == "33\n"
    done = wardian("run", "--user", "web:www", "bare:1", "id")
    assert done.returncode == 125
    assert 'group "www": no such group in the box' in done.stderr


def test_a_security_update_over_an_immutable_base(
    wardian: Wardian, app: str, tmp_path: Path
) -> None:
    update = "echo fixed > /etc/version; rm /bin/vi; chown 33:34 /etc/version"
    done = wardian("run", "--keep", "update", "--user", "0", app, "sh", "-c", update)
    assert done.returncode == 0, done.stderr
    changes = wardian("diff", "update").stdout.splitlines()
    assert {"A /etc/version", "D /bin/vi", "C /etc"} <= set(changes)
    assert wardian("run", "--from-kept", "update", app, "cat", "/etc/version").stdout == "fixed\n"
    done = wardian("commit", "-m", "CVE", "-c", "ENV A=updated", "update", "app:2")
    assert done.returncode == 0, done.stderr
    old, new = (json.loads(wardian("inspect", name).stdout)[0] for name in (app, "app:2"))
    assert new["Id"] == done.stdout.strip()
    assert new["RootFS"]["Layers"][:-1] == old["RootFS"]["Layers"]
    done = wardian("run", "app:2", "sh", "-c", "echo $A; stat -c %u:%g /etc/version; ls /bin/vi")
    assert done.stdout == "updated\n33:34\n"
    assert wardian("run", app, "ls", "/bin/vi").stdout == "/bin/vi\n"
    archive = tmp_path / "whole.tar"
    assert wardian("export", "--kept", "-o", str(archive), "update").returncode == 0
    listed = subprocess.run(
        ["tar", "-tf", archive], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {"etc/version", "bin/busybox"} <= set(listed)
    assert "bin/vi" not in listed


def test_a_store_below_a_path_with_a_comma_is_refused_clearly(
    wardian: Wardian, root: Path, tmp_path: Path
) -> None:
    """The launcher's mount(2) takes options with commas between."""
    place = {"WARDIAN_ROOT": str(tmp_path / "a,b")}
    wardian("import", str(root), "app:1", env=place)
    done = wardian("run", "app:1", "true", env=place)
    (form,) = (file.read_text().split()[1] for file in tmp_path.glob("a,b/layers/sha*/layer"))
    if form == "directory":
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 125
    assert "a path with a comma" in done.stderr
    assert "hint: set WARDIAN_ROOT to a directory without one" in done.stderr


def test_what_is_made_to_be_mounted_on_is_no_change(
    wardian: Wardian, tmp_path: Path, root: Path
) -> None:
    bare = tmp_path / "bare"
    (bare / "bin").mkdir(parents=True)
    for name in ("busybox", "sh", "mkdir", "touch"):
        (bare / "bin" / name).write_bytes((root / "bin/busybox").read_bytes())
        (bare / "bin" / name).chmod(0o755)
    wardian("import", str(bare), "bare:1")
    mounts = ["-v", f"{bare}:/data/deep", "-v", f"{bare}/bin/sh:/opt/one", "--tmpfs", "/scratch"]
    script = "mkdir -p /work/empty /opt/mine; touch /file"
    done = wardian("run", "--keep", "k", *mounts, "bare:1", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    expected = ["/file", "/opt", "/opt/mine", "/work", "/work/empty"]
    assert wardian("diff", "k").stdout.splitlines() == [f"A {path}" for path in expected]
    again = ["--from-kept", "k", "-v", f"{bare}:/later", "bare:1", "sh", "-c", "exit"]
    assert wardian("run", *again).returncode == 0
    assert wardian("diff", "k").stdout.splitlines() == [f"A {path}" for path in expected]
    wardian("commit", "k", "made:1")
    target = tmp_path / "out"
    wardian("export", "--directory", str(target), "made:1")
    assert sorted(os.listdir(target)) == ["bin", "file", "opt", "work"]
    assert sorted(os.listdir(target / "opt")) == ["mine"]


def test_a_kept_layer_knows_its_image(wardian: Wardian, app: str) -> None:
    wardian("run", "--keep", "mine", "--user", "0", app, "touch", "/x")
    wardian("commit", "mine", "other:1")
    for words in (("other:1",), ("--", "true")):
        done = wardian("run", "--from-kept", "mine", *words)
        assert done.returncode == 125
        assert 'layer "mine" was made over the image "sha256:' in done.stderr
    done = wardian("commit", "--message", "x", "no-such", "y:1")
    assert (done.returncode, done.stderr) == (1, 'wardian: layer "no-such": no such layer\n')
    wardian("run", "--keep", "host", "--", "true")
    done = wardian("commit", "host", "y:1")
    assert 'layer "host" was made over the base "host", not over an image' in done.stderr


def test_an_image_that_runs_can_t_be_removed(app: str) -> None:
    store = Store(directories.root())
    with wardian.Container(["sh"], image=app, user="0") as box:
        box.start(stdin=wardian.PIPE, stdout=wardian.PIPE)
        with pytest.raises(StatusError, match="in use"):
            store.untag(app)
        box.communicate(b"exit 0\n")
    assert [entry.name.rpartition("/")[2] for entry in store.untag(app)] == [app]
    assert wardian.Image.prune().layers
    assert os.listdir(f"{directories.root()}/images/leases") == []
    with pytest.raises(NotFoundError):
        wardian.run(["true"], image=app, pull="never")


def test_the_image_below_a_kept_layer_stays(wardian: Wardian, app: str, root: Path) -> None:
    wardian("run", "--keep", "mine", "--user", "0", app, "sh", "-c", "echo x > /x")
    digest = json.loads(wardian("inspect", app).stdout)[0]["Descriptor"]["digest"]
    done = wardian("rmi", app)
    assert done.returncode == 1
    assert "in use" in done.stderr
    (root / "etc/new").touch()
    wardian("import", str(root), app)  # takes the name away
    wardian("prune", "--all")
    done = wardian("run", "--from-kept", "mine", digest, "cat", "/x")
    assert done.stdout == "x\n", done.stderr
    wardian("rm", "mine")
    wardian("prune", "--all")
    assert wardian("images", "-q").stdout == ""


def test_the_same_image_has_the_same_plan_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for name in ("one", "two"):
        monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / name))
        wardian.Image.import_root(str(root), f"{name}:1")
        hashes.append(wardian.run(["true"], image=f"{name}:1").plan_hash)
    (root / "etc/new").touch()
    wardian.Image.import_root(str(root), "two:1")
    hashes.append(wardian.run(["true"], image="two:1").plan_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_explain_shows_the_layers_and_runs_nothing(wardian: Wardian, app: str) -> None:
    layer = json.loads(wardian("inspect", app).stdout)[0]["RootFS"]["Layers"][0]
    done = wardian("explain", app)
    assert f"$layer:{layer}" in done.stdout
    assert '"/bin/busybox"' in done.stdout


def test_python_takes_an_image_too(app: str) -> None:
    assert wardian.run(image=app).stdout.startswith(b"uid=33(web)")
    assert wardian.run(["echo", "x"], image=app, entrypoint=["/bin/busybox"]).stdout == b"x\n"
    for bad in ({"rootfs": "/"}, {"scratch": True}, {"pull": "sometimes"}):
        with pytest.raises(UsageError):
            wardian.run(["true"], image=app, **bad)
    with pytest.raises(UsageError, match="needs an image"):
        wardian.run(["true"], platform="linux/arm64")


def test_the_image_s_signal_asks_it_to_end(app: str) -> None:
    with wardian.Container(
        ["sh", "-c", "trap 'echo int; exit 3' INT; echo up; while :; do sleep 0.01; done"],
        image=app,
    ) as box:
        box.start(stdout=wardian.PIPE)
        assert next(box.stream()) == ("stdout", b"up\n")
        assert box.stop().exit_code == 3


def test_an_image_without_a_program_says_so(wardian: Wardian, root: Path) -> None:
    wardian("import", str(root), "bare:1")
    done = wardian("run", "bare:1")
    assert done.returncode == 125
    assert 'image "bare:1" names no program to run' in done.stderr


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return busybox("linux/arm64", tmp_path_factory)


def import_arm(wardian: Wardian, arm: Path, tmp_path: Path) -> None:
    """Make the image arm:1 of one program and a link to it."""
    root = tmp_path / "arm-root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(arm, root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")
    wardian("import", "--platform", "linux/arm64", str(root), "arm:1")


@pytest.mark.slow
def test_a_foreign_image_runs_and_the_host_s_list_stays_as_it_was(
    wardian: Wardian, arm: Path, tmp_path: Path
) -> None:
    import_arm(wardian, arm, tmp_path)
    before = subprocess.run([arm, "true"], check=False).returncode if _runs(arm) else "refused"
    words = ("arm:1", "/bin/busybox", "sh", "-c", "/bin/busybox uname -m")
    done = wardian("run", "--platform", "linux/arm64", *words)
    assert (done.stdout, done.stderr) == ("aarch64\n", "")
    done = wardian("run", *words)
    assert done.stdout == "aarch64\n"
    assert "the image is for linux/arm64, and this machine is" in done.stderr
    after = subprocess.run([arm, "true"], check=False).returncode if _runs(arm) else "refused"
    assert before == after


def test_a_foreign_image_is_built_and_its_programs_know_their_names(
    wardian: Wardian, arm: Path, busybox_root: Path, tmp_path: Path
) -> None:
    import_arm(wardian, arm, tmp_path)
    wardian("import", str(busybox_root), "own:1")
    # busybox's shell starts its applets by an argv[0] that is not the file's path.
    (tmp_path / "Containerfile").write_text(
        "FROM --platform=$BUILDPLATFORM own:1 AS own\nRUN uname -m > /own\n"
        "FROM arm:1\nARG TARGETARCH\nRUN echo $TARGETARCH > /made; uname -m >> /made; cat /made\n"
        "COPY --from=own /own /own\n"
    )
    done = wardian("build", "--platform", "linux/arm64", "--no-lock", "-t", "made", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "arm64\naarch64\n" in done.stderr
    done = wardian("run", "made", "sh", "-c", "cat /made /own")
    assert done.stdout == f"arm64\naarch64\n{os.uname().machine}\n"


def _runs(program: Path) -> bool:
    try:
        subprocess.run([program, "true"], check=False)
    except OSError:
        return False
    return True


@pytest.fixture
def without_emulation(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def hide() -> None:
        monkeypatch.setattr("wardian.kernel.binfmt.PLACES", ())
        monkeypatch.setattr("wardian.kernel.binfmt.is_on_the_host", lambda _platform: False)

    return hide


def test_without_qemu_the_remedy_is_told(root: Path, without_emulation: Callable[[], None]) -> None:
    requires("busybox")
    without_emulation()
    wardian.Image.import_root(str(root), "other:1", platform="linux/riscv64")
    with pytest.raises(wardian.UnsupportedError, match="qemu-riscv64-static") as raised:
        wardian.run(["true"], image="other:1")
    assert "qemu-user-static" in raised.value.hint
