"""config.md: `root` and `mounts`."""

import subprocess

import pytest

from tests.conformance.boxes import Box, differs

pytestmark = pytest.mark.root

# The table of config.md: what MUST be there, and what of it is seen in /proc/self/mountinfo.
MUST = {
    "async": "",
    "atime": "",
    "defaults": "",
    "dev": "",
    "diratime": "",
    "dirsync": "dirsync",
    "exec": "",
    "iversion": "",
    "lazytime": "lazytime",
    "loud": "",
    "noatime": "noatime",
    "nodev": "nodev",
    "nodiratime": "nodiratime",
    "noexec": "noexec",
    "noiversion": "",
    "nolazytime": "",
    "norelatime": "",
    "nostrictatime": "",
    "nosuid": "nosuid",
    "relatime": "relatime",
    "ro": "ro",
    "rw": "rw",
    "silent": "",
    "strictatime": "",
    "suid": "",
    "sync": "sync",
}
UNDOES = {
    "async": "sync",
    "dev": "nodev",
    "diratime": "nodiratime",
    "exec": "noexec",
    "noiversion": "iversion",
    "nolazytime": "lazytime",
    "rw": "ro",
    "suid": "nosuid",
}
# option: what /proc/self/mountinfo says of both the mount and the one below it
RECURSIVE = {
    "rro": "ro",
    "rnosuid": "nosuid",
    "rnodev": "nodev",
    "rnoexec": "noexec",
    "rnoatime": "noatime",
    "rnodiratime": "nodiratime",
    "rrelatime": "relatime",
    "rnosymfollow": "nosymfollow",
}
RECURSIVELY_UNDOES = {
    "rrw": "ro",
    "rsuid": "nosuid",
    "rdev": "nodev",
    "rexec": "noexec",
    "rdiratime": "nodiratime",
    "rsymfollow": "nosymfollow",
}
PROPAGATION = {
    "private": "",
    "shared": "shared:",
    "slave": "master:",
    "unbindable": "unbindable",
}


def flags(box: Box, *targets: str, system: bool = True) -> list[set[str]]:
    """Run a container; returns the options of these mounts, and of their file systems too."""
    lines = box.says("cat /proc/self/mountinfo").splitlines()
    found = {}
    for line in lines:
        mount, _, behind = line.partition(" - ")
        words = mount.split()
        more = behind.split()[2].split(",") if system else ()
        found[words[4]] = {*words[5].split(","), *more}
    return [found[target] for target in targets]


# ---- root


def test_a_read_only_root_is_read_only_inside(box: Box) -> None:
    box.config["root"]["readonly"] = True
    assert "Read-only file system" in box.says("touch /file 2>&1 || true")
    assert not (box.rootfs / "file").exists()


def test_a_root_is_writable_by_default(box: Box) -> None:
    box.says("echo hi > /file")
    assert (box.rootfs / "file").read_text() == "hi\n"


def test_a_root_is_given_relative_to_the_bundle_or_absolute(box: Box) -> None:
    box.config["root"]["path"] = str(box.rootfs)
    assert box.says("ls /bin/busybox") == "/bin/busybox"
    elsewhere = box.rootfs.rename(box.bundle / "other")
    box.config["root"]["path"] = "other"
    assert box.says("ls /bin/busybox") == "/bin/busybox"
    elsewhere.rename(box.rootfs)


def test_a_root_is_needed_and_is_a_directory(box: Box) -> None:
    box.config["root"]["path"] = "missing"
    box.refused("missing")
    (box.bundle / "file").touch()
    box.config["root"]["path"] = "file"
    box.refused()
    del box.config["root"]
    box.refused("root")


# ---- the order and the places of mounts


def test_mounts_are_made_in_the_listed_order(box: Box) -> None:
    for name in ("first", "second"):
        (box.directory / name).mkdir()
        (box.directory / name / "file").write_text(f"{name}\n")
        box.mount("/data", "bind", str(box.directory / name), "bind")
    box.mount("/data/inner", "tmpfs", "tmpfs")
    (box.directory / "second" / "inner").mkdir()
    assert box.says("cat /data/file; mount | grep -c ' /data'") == "second\n3"


def test_a_relative_destination_is_taken_from_the_root(box: Box) -> None:
    box.mount("data/here", "tmpfs", "tmpfs")
    box.process["cwd"] = "/bin"
    assert "/data/here" in box.says("mount | grep /data/here")


def test_the_source_of_a_bind_mount_may_be_relative_to_the_bundle(box: Box) -> None:
    (box.bundle / "files").mkdir()
    (box.bundle / "files" / "a").write_text("hello")
    box.mount("/data", "none", "files", "rbind")
    assert box.says("cat /data/a") == "hello"


def test_bind_takes_the_mount_alone_and_rbind_the_tree(box: Box) -> None:
    tree = box.directory / "tree"
    (tree / "below").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tree / "below")], check=True)
    try:
        (tree / "below" / "file").touch()
        box.mount("/one", "none", str(tree), "bind")
        box.mount("/all", "none", str(tree), "rbind")
        assert box.says("ls /one/below /all/below") == "/all/below:\nfile\n\n/one/below:"
    finally:
        subprocess.run(["umount", str(tree / "below")], check=True)


def test_a_file_can_be_bound_too(box: Box) -> None:
    (box.directory / "file").write_text("hello")
    box.mount("/etc/new/file", "bind", str(box.directory / "file"), "bind", "ro")
    assert box.says("cat /etc/new/file; echo x > /etc/new/file || echo refused").endswith("refused")


def test_a_type_that_the_kernel_does_not_know_is_an_error(box: Box) -> None:
    box.mount("/data", "nosuchfs", "none")
    box.refused()


# ---- options


@pytest.mark.parametrize("option", [each for each in MUST if each != "defaults"])
def test_an_option_that_must_be_there_is(box: Box, option: str) -> None:
    before = [UNDOES[option]] if option in UNDOES else []
    box.mount("/data", "tmpfs", "tmpfs", *before, option)
    (found,) = flags(box, "/data")
    if MUST[option]:
        assert MUST[option] in found
    assert not set(before) & found


@differs(runc="takes the word for data")
def test_the_option_defaults_changes_nothing(box: Box) -> None:
    box.mount("/plain", "tmpfs", "tmpfs")
    box.mount("/data", "tmpfs", "tmpfs", "defaults")
    plain, found = flags(box, "/plain", "/data")
    assert found == plain


def test_remount_changes_a_mount_that_is_there(box: Box) -> None:
    box.mount("/data", "tmpfs", "tmpfs", "rw")
    box.mount("/data", "tmpfs", "tmpfs", "remount", "ro", "nosuid")
    (found,) = flags(box, "/data")
    assert {"ro", "nosuid"} <= found
    assert box.says("grep -c ' /data ' /proc/self/mounts") == "1"


@pytest.mark.parametrize("option", ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"])
def test_a_bind_mount_takes_the_options_too(box: Box, option: str) -> None:
    (box.directory / "data").mkdir()
    box.mount("/data", "none", str(box.directory / "data"), "bind", option)
    (found,) = flags(box, "/data")
    assert option in found


def test_nosymfollow_is_taken(box: Box) -> None:
    box.mount("/data", "tmpfs", "tmpfs", "nosymfollow")
    (found,) = flags(box, "/data")
    assert "nosymfollow" in found


@pytest.mark.parametrize("option", [*PROPAGATION, *("r" + each for each in PROPAGATION)])
def test_a_propagation_is_taken(box: Box, option: str) -> None:
    source = box.directory / "shared"
    source.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(source)], check=True)
    subprocess.run(["mount", "--make-shared", str(source)], check=True)
    try:
        box.mount("/data", "none", str(source), "rbind", option)
        box.linux["rootfsPropagation"] = "slave"
        (line,) = (
            line
            for line in box.says("cat /proc/self/mountinfo").splitlines()
            if line.split()[4] == "/data"
        )
        tags = line.partition(" - ")[0].split()[6:]
        wanted = PROPAGATION[option.removeprefix("r") if option not in PROPAGATION else option]
        assert bool(tags) == bool(wanted)
        assert any(tag.startswith(wanted) for tag in tags) or not wanted
    finally:
        subprocess.run(["umount", str(source)], check=True)


@pytest.mark.parametrize("option", RECURSIVE)
def test_a_recursive_option_counts_for_the_mounts_below(box: Box, option: str) -> None:
    source = box.directory / "tree"
    (source / "below").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(source / "below")], check=True)
    try:
        box.mount("/data", "none", str(source), "rbind", option)
        for found in flags(box, "/data", "/data/below"):
            assert RECURSIVE[option] in found
    finally:
        subprocess.run(["umount", str(source / "below")], check=True)


@pytest.mark.parametrize("option", RECURSIVELY_UNDOES)
def test_a_recursive_option_takes_back_below_too(box: Box, option: str) -> None:
    source = box.directory / "tree"
    (source / "below").mkdir(parents=True)
    plain = RECURSIVELY_UNDOES[option]
    below = str(source / "below")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", below], check=True)
    try:
        subprocess.run(["mount", "-o", f"remount,bind,{plain}", below], check=True)
        box.mount("/plain", "none", str(source), "rbind")
        box.mount("/data", "none", str(source), "rbind", option)
        kept, *changed = flags(box, "/plain/below", "/data", "/data/below", system=False)
        assert plain in kept
        for found in changed:
            assert plain not in found
    finally:
        subprocess.run(["umount", str(source / "below")], check=True)


_RUNC = differs(runc="asks the kernel for something that it refuses")


@pytest.mark.parametrize(
    "option",
    [
        *("rnorelatime", "rstrictatime"),
        *(pytest.param(each, marks=_RUNC) for each in ("ratime", "rnostrictatime")),
    ],
)
def test_the_recursive_access_times_are_taken(box: Box, option: str) -> None:
    (box.directory / "data").mkdir()
    box.mount("/data", "none", str(box.directory / "data"), "rbind", option)
    (found,) = flags(box, "/data")
    assert "noatime" not in found


def test_tmpcopyup_copies_what_was_there(box: Box) -> None:
    (box.rootfs / "data").mkdir()
    (box.rootfs / "data" / "file").write_text("kept")
    box.mount("/data", "tmpfs", "tmpfs", "tmpcopyup")
    assert box.says("cat /data/file; echo new > /data/file") == "kept"
    assert (box.rootfs / "data" / "file").read_text() == "kept"


def test_an_unknown_option_is_data_for_the_file_system(box: Box) -> None:
    box.mount("/data", "tmpfs", "tmpfs", "size=64k", "mode=711", "nr_inodes=5")
    (found,) = flags(box, "/data")
    assert {"size=64k", "mode=711", "nr_inodes=5"} <= found


def test_data_that_the_file_system_does_not_take_are_an_error(box: Box) -> None:
    box.mount("/data", "tmpfs", "tmpfs", "nosuchoption=1")
    box.refused()


# ---- mounts with mapped ids


MAPS = {
    key: [{"containerID": 0, "hostID": 1000, "size": 100}] for key in ("uidMappings", "gidMappings")
}


@differs(runc="has no mapped mounts before 1.2")
@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_a_mount_can_have_ids_of_its_own(box: Box, option: str) -> None:
    data = box.directory / "data"
    data.mkdir()
    (data / "file").touch()
    box.mount("/data", "none", str(data), "rbind", option, **MAPS)
    assert box.says("stat -c %u:%g /data/file") == "1000:1000"


@differs(runc="has no mapped mounts before 1.2")
def test_the_words_idmap_are_not_needed_where_there_are_maps(box: Box) -> None:
    """`options` SHOULD contain either `idmap` or `ridmap`: maps count without them."""
    data = box.directory / "data"
    data.mkdir()
    box.mount("/data", "none", str(data), "bind", **MAPS)
    assert box.says("stat -c %u:%g /data") == "1000:1000"


@differs(runc="has no mapped mounts before 1.2, and ignores the maps")
@pytest.mark.parametrize("key", MAPS)
def test_maps_of_uids_and_of_gids_need_each_other(box: Box, key: str) -> None:
    (box.directory / "data").mkdir()
    box.mount("/data", "none", str(box.directory / "data"), "bind", "idmap", **{key: MAPS[key]})
    box.refused()


@differs(runc="takes idmap for data of a bind mount, and ignores them")
def test_idmap_without_maps_and_without_a_user_namespace_is_an_error(box: Box) -> None:
    (box.directory / "data").mkdir()
    box.mount("/data", "none", str(box.directory / "data"), "bind", "idmap")
    box.refused()
