"""The root and its mounts, as steps."""

import pytest

from tests.unit.runtime.specs import plan_of
from wardian import errors
from wardian.runtime import device_nodes, plan
from wardian.runtime import mount_options as words
from wardian.runtime.host import Host
from wardian.runtime.step import Step


def steps_named(made: plan.Plan, name: str) -> list[tuple[object, ...]]:
    """The arguments of all steps of one name."""
    return [step.args for step in made.steps if step.name == name]


def test_a_throw_away_layer_is_on_the_staging_tmpfs() -> None:
    made = plan_of()
    assert steps_named(made, "overlay") == [
        ("/", ("/srv/root",), "upper0", "work0", "redirect_dir=off,metacopy=off", words.MS_NODEV)
    ]


def test_a_kept_layer_is_named_by_symbol() -> None:
    made = plan_of(wardian={"base": [("/", ["/a"]), ("/usr", ["/usr"])], "kept": True})
    uppers = [args[2] for args in steps_named(made, "overlay")]
    assert uppers == ["$upper0", "$upper1"]


def test_an_image_s_layers_are_mounted_before_the_overlay_that_names_them() -> None:
    layer = ("layer0", "$layer:sha256:1", "$device:sha256:1")
    base = [("/", ["layer0", "$layer:sha256:0"])]
    made = plan_of(wardian={"base": base, "layers": [layer]})
    flags = words.MS_RDONLY | words.MS_NODEV | words.MS_NOSUID
    (mount, *_rest) = steps_named(made, "mount")
    assert mount == ("$layer:sha256:1", "layer0", "erofs", "$device:sha256:1", flags)
    assert steps_named(made, "overlay")[0][1] == ("layer0", "$layer:sha256:0")
    order = [step.name for step in made.steps if step.name in ("mount", "overlay")]
    assert order[:2] == ["mount", "overlay"]
    names = {"$layer:sha256:1": "/i", "$layer:sha256:0": "/d", "$device:sha256:1": "device=/t"}
    wire = made.encode({**names, "$seccomp:abc": b""})
    assert all(f"{text}\0".encode() in wire for text in names.values())


def test_a_box_of_another_processor_s_waits_for_its_emulation() -> None:
    linux = {"namespaces": [{"type": "user"}, {"type": "mount"}]}
    base = {"base": [("/", ["/a"])], "emulated": True}
    assert plan_of(Host(ids="single"), linux=linux, wardian=base).waits == 1
    assert plan_of(Host(ids="range"), linux=linux, wardian=base).waits == 1
    assert plan_of(wardian=base).waits == 0


def test_an_ordinary_user_s_overlay_uses_user_attributes() -> None:
    linux = {"namespaces": [{"type": "user"}, {"type": "mount"}]}
    made = plan_of(Host(ids="single"), linux=linux)
    assert steps_named(made, "overlay")[0][4] == "userxattr"


def test_scratch_starts_from_an_empty_tmpfs() -> None:
    made = plan_of(wardian={"base": []})
    assert steps_named(made, "overlay") == []
    assert steps_named(made, "mount")[0][1:3] == ("/", "tmpfs")


def test_every_part_of_a_read_only_root_is_read_only() -> None:
    made = plan_of(
        root={"path": "/", "readonly": True},
        wardian={"base": [("/", ["/a"]), ("/usr", ["/usr"])]},
    )
    assert [args[:2] for args in steps_named(made, "setattr")] == [
        ("/", words.MOUNT_ATTR_RDONLY),
        ("/usr", words.MOUNT_ATTR_RDONLY),
    ]


def test_bind_options_become_attributes() -> None:
    mount = {
        "destination": "/data",
        "type": "bind",
        "source": "/srv/data",
        "options": ["rbind", "rro", "rnosuid", "rslave"],
    }
    made = plan_of(mounts=[mount])
    attributes = words.MOUNT_ATTR_RDONLY | words.MOUNT_ATTR_NOSUID
    assert steps_named(made, "bind") == [("/srv/data", "/data", 3, attributes, 0, words.MS_SLAVE)]


def test_unknown_options_go_to_the_file_system() -> None:
    mount = {"destination": "/run", "type": "tmpfs", "options": ["size=1m", "nodev", "mode=700"]}
    made = plan_of(mounts=[mount])
    assert steps_named(made, "mount") == [
        ("tmpfs", "/run", "tmpfs", "size=1m,mode=700", words.MS_NODEV)
    ]


def test_an_option_without_r_is_for_the_top_mount_alone() -> None:
    mount = {"destination": "/d", "type": "bind", "source": "/s", "options": ["rbind", "ro"]}
    made = plan_of(mounts=[mount])
    assert steps_named(made, "bind") == [
        ("/s", "/d", 1, words.MOUNT_ATTR_RDONLY, 0, words.MS_PRIVATE)
    ]


def test_nothing_but_a_few_files_is_mounted_inside_proc() -> None:
    def bind(target: str) -> dict[str, object]:
        return {"destination": target, "type": "bind", "source": "/s", "options": ["bind"]}

    assert plan_of(mounts=[bind("/proc/uptime")], wardian={})
    with pytest.raises(errors.SpecError, match="inside /proc"):
        plan_of(mounts=[bind("/proc/self/attr")], wardian={})
    with pytest.raises(errors.SpecError, match="inside /proc"):
        plan_of(mounts=[bind("/proc")], wardian={})


def test_dev_gets_its_nodes_and_links() -> None:
    made = plan_of(mounts=[{"destination": "/dev", "type": "tmpfs", "options": ["nodev"]}])
    bound = [args[1] for args in steps_named(made, "bind")]
    assert bound == list(device_nodes.DEFAULTS)
    assert Step("symlink", ("pts/ptmx", "/dev/ptmx"), "") in made.steps


def test_paths_are_masked_before_the_host_is_left() -> None:
    made = plan_of(
        linux={"namespaces": [], "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}
    )
    order = [step.name for step in made.steps]
    assert order.index("mask") < order.index("readonly") < order.index("pivot")
