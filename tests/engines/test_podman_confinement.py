"""podman: each option that confines a container is seen from inside of it."""

import json

import pytest

from tests.engines.clients import IMAGE, Podman

STATUS = "grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status"
DEFAULT = 0x800405FB  # podman 4.3's eleven capabilities
NET_ADMIN, NET_BIND_SERVICE, CHOWN = 1 << 12, 1 << 10, 1 << 0


def status(podman: Podman, *options: str) -> dict[str, int]:
    """Capabilities and flags of a container's process."""
    lines = podman.shell(*options, script=STATUS).splitlines()
    pairs = [line.split(":\t") for line in lines]
    return {name: int(value, 16 if name.startswith("Cap") else 10) for name, value in pairs}


def test_capabilities_are_added_and_dropped(podman: Podman) -> None:
    usual = status(podman)
    assert usual["CapEff"] == usual["CapBnd"] == usual["CapPrm"] == DEFAULT
    more = status(podman, "--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN")
    assert more["CapEff"] == more["CapBnd"] == DEFAULT & ~CHOWN | NET_ADMIN
    assert status(podman, "--cap-drop", "ALL")["CapBnd"] == 0
    every = status(podman, "--privileged")
    assert every["CapEff"] & NET_ADMIN
    assert every["Seccomp"] == 0


def test_a_user_has_only_the_capabilities_that_were_given(podman: Podman) -> None:
    usual = status(podman, "--user", "1000")
    assert (usual["CapEff"], usual["CapPrm"], usual["CapBnd"]) == (0, 0, DEFAULT)
    words = ["--user", "1000", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"]
    given = status(podman, *words)
    assert given["CapEff"] == given["CapAmb"] == NET_BIND_SERVICE


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("app", "1000 1000 1000 2000"),
        ("1000", "1000 1000 1000 2000"),
        ("1000:2000", "1000 2000 2000"),
        ("4711:4712", "4711 4712 4712"),
        ("root", "0 0 0"),
    ],
)
def test_user_and_groups(user: str, words: str, podman: Podman) -> None:
    assert podman.shell("--user", user, script="echo $(id -u) $(id -g) $(id -G)") == f"{words}\n"


def test_more_groups_and_the_umask(podman: Podman) -> None:
    words = ["--user", "1000:1000", "--group-add", "77", "--umask", "0077"]
    assert podman.shell(*words, script="id -G; umask").split()[-2:] == ["77", "0077"]


def test_no_new_privileges(podman: Podman) -> None:
    assert status(podman)["NoNewPrivs"] == 0
    assert status(podman, "--security-opt", "no-new-privileges")["NoNewPrivs"] == 1


def test_a_seccomp_profile(podman: Podman) -> None:
    assert status(podman)["Seccomp"] == 2
    assert status(podman, "--security-opt", "seccomp=unconfined")["Seccomp"] == 0
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [rule],
    }
    (podman.place.files / "profile.json").write_text(json.dumps(profile))
    words = ["--security-opt", f"seccomp={podman.place.files}/profile.json"]
    done = podman("run", "--rm", *words, IMAGE, "mkdir", "/tmp/x")
    assert "Read-only file system" in done.stderr
    assert podman("run", "--rm", *words, IMAGE, "touch", "/tmp/x").returncode == 0


def test_a_read_only_root(podman: Podman) -> None:
    script = "touch /x 2>/dev/null || echo no; touch /tmp/x /run/x /dev/shm/x && echo yes"
    assert podman.shell("--read-only", script=script).split() == ["no", "yes"]
    words = ["--read-only", "--read-only-tmpfs=false"]
    assert podman.shell(*words, script="touch /tmp/x 2>/dev/null || echo no") == "no\n"


def test_a_tmpfs(podman: Podman) -> None:
    script = "grep ' /scratch ' /proc/mounts; stat -c %a /scratch; df -k /scratch | tail -1"
    said = podman.shell("--tmpfs", "/scratch:size=1m,mode=1750,noexec", script=script)
    mount, mode, usage = said.splitlines()
    assert mount.split()[2] == "tmpfs"
    assert {"noexec", "nosuid", "nodev"} <= set(mount.split()[3].split(","))
    assert (mode, usage.split()[1]) == ("1750", "1024")


def test_a_tmpfs_takes_over_what_the_image_has_there(podman: Podman) -> None:
    """podman asks for tmpcopyup, which is not in the specification."""
    assert podman.shell("--tmpfs", "/home", script="cat /home/notes") == "of the image\n"


def test_volumes_are_mounted_as_asked(podman: Podman) -> None:
    shared = podman.place.files / "shared"
    shared.mkdir()
    (shared / "file").write_text("of the host\n")
    script = "cat /v/file; echo new >/v/new && echo yes"
    assert podman.shell("-v", f"{shared}:/v:z", script=script) == "of the host\nyes\n"
    assert (shared / "new").read_text() == "new\n"
    script = "touch /v/other 2>/dev/null || echo no; grep -c ' /v .*noexec' /proc/mounts"
    said = podman.shell("-v", f"{shared}:/v:ro,noexec", script=script)
    assert said.split() == ["no", "1"]
    assert podman.shell("-v", f"{shared}/file:/etc/f:ro", script="cat /etc/f") == "of the host\n"
    podman.output("volume", "create", "kept")
    podman.shell("-v", "kept:/home", script="echo more >>/home/notes")
    said = podman.shell("-v", "kept:/home", script="cat /home/notes")
    assert said == "of the image\nmore\n"


def test_a_read_only_volume_with_a_mount_below(podman: Podman) -> None:
    """Whoever says ro gets it for the mount itself; bind-recursive says for how much below."""
    below = podman.place.files / "tree" / "below"
    below.mkdir(parents=True)
    podman.place.output("mount", "-t", "tmpfs", "none", str(below))
    script = "touch /v/x 2>/dev/null || echo no; touch /v/below/x && echo yes"
    assert podman.shell("-v", f"{below.parent}:/v:ro,rbind", script=script).split() == ["no", "yes"]
    podman.place.output("umount", str(below))


@pytest.mark.parametrize(("word", "kind"), [("rshared", "shared:"), ("rslave", "master:")])
def test_propagation_of_a_volume(word: str, kind: str, podman: Podman) -> None:
    directory = podman.place.files / word
    directory.mkdir()
    said = podman.shell("-v", f"{directory}:/v:{word}", script="grep ' /v ' /proc/self/mountinfo")
    assert kind in said


def test_a_device(podman: Podman) -> None:
    script = "head -c 3 /dev/nothing | wc -c; stat -c %t:%T /dev/nothing"
    assert podman.shell("--device", "/dev/zero:/dev/nothing:r", script=script).split() == [
        "3",
        "1:5",
    ]
    # the rule is the group's: a node alone gives no access
    script = "mknod /n c 1 5; head -c1 /n | wc -c; mknod /k c 1 1; head -c1 /k 2>&1 | tail -c 24"
    said = podman.shell("--cap-add", "MKNOD", script=script).splitlines()
    assert said[0] == "1"
    assert said[1].endswith("peration not permitted")
    script = "echo x >/dev/nothing"
    done = podman("run", "--rm", "--device", "/dev/kmsg:/dev/nothing:r", IMAGE, "sh", "-c", script)
    assert "ermission" in done.stderr or "permitted" in done.stderr


def test_ulimits_are_set(podman: Podman) -> None:
    script = "ulimit -n; ulimit -Hn; ulimit -c"
    # podman wants all the processes there are, unless it is told otherwise
    words = ["--ulimit", "nofile=200:300", "--ulimit", "core=0", "--ulimit", "nproc=100"]
    assert podman.shell(*words, script=script).split() == ["200", "300", "0"]


def test_sysctls_are_set(podman: Podman) -> None:
    words = [
        "--network",
        "bridge",
        "--sysctl",
        "net.ipv4.ip_forward=0",
        "--sysctl",
        "kernel.msgmax=4242",
    ]
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax"
    assert podman.shell(*words, script=script).split() == ["0", "4242"]
    done = podman("run", "--rm", "--sysctl", "kernel.panic=3", IMAGE, "true")
    assert done.returncode != 0


def test_names_environment_and_directory(podman: Podman) -> None:
    words = ["--hostname", "there", "-e", "WORD=a  b", "-w", "/tmp", "--env", "EMPTY="]
    script = 'hostname; echo "$WORD"; pwd; env | grep ^EMPTY; cat /etc/hostname'
    assert podman.shell(*words, script=script).splitlines() == [
        "there",
        "a  b",
        "/tmp",
        "EMPTY=",
        "there",
    ]


def test_what_is_masked_and_what_may_only_be_read(podman: Podman) -> None:
    script = "wc -c </proc/timer_list; ls /sys/firmware | wc -l; echo x >/proc/sys/kernel/hostname"
    done = podman("run", "--rm", IMAGE, "sh", "-c", script)
    assert done.stdout.split() == ["0", "0"]
    assert "ead-only" in done.stderr
    script = "wc -c </proc/timer_list; ls /sys/firmware | wc -l"
    seen = podman.shell("--security-opt", "unmask=ALL", script=script).split()
    assert seen[0] != "0"


def test_namespaces_of_the_host_and_of_others(podman: Podman) -> None:
    look = "for n in pid net ipc uts mnt user cgroup; do readlink /proc/self/ns/$n; done"
    mine = podman.place.output("sh", "-c", look).split()
    kinds = ["--pid=host", "--network=host", "--ipc=host", "--uts=host"]
    shared = podman.shell(*kinds, script=look).split()
    assert shared[:4] == mine[:4]
    assert shared[4] != mine[4]
    alone = podman.shell(script=look).split()
    assert not set(alone[:5]) & set(mine)
    podman.sleeping("first", "--ipc", "shareable")
    theirs = podman.output("exec", "first", "sh", "-c", look).split()
    kinds = [f"--{kind}=container:first" for kind in ("pid", "network", "ipc")]
    assert podman.shell(*kinds, script=look).split()[:3] == theirs[:3]
    podman.output("rm", "-f", "-t", "0", "first")


def test_a_user_namespace_with_id_maps(podman: Podman) -> None:
    words = ["--uidmap", "0:100000:5000", "--gidmap", "0:200000:5000"]
    script = (
        "cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /root/x; stat -c %u:%g /root/x"
    )
    lines = [line.split() for line in podman.shell(*words, script=script).splitlines()]
    assert lines == [["0", "100000", "5000"], ["0", "200000", "5000"], ["0"], ["0:0"]]
    podman.output("run", "-d", "--name", "mapped", *words, IMAGE, "sleep", "1000")
    pid = podman.inspect("mapped")["State"]["Pid"]
    assert podman.place.output("stat", "-c", "%u:%g", f"/proc/{pid}").split() == ["100000:200000"]
    assert podman.output("exec", "--user", "1000", "mapped", "id", "-u") == "1000\n"
    podman.output("rm", "-f", "-t", "0", "mapped")


def test_the_size_of_shared_memory_and_the_oom_score(podman: Podman) -> None:
    words = ["--shm-size", "2m", "--oom-score-adj", "300"]
    script = "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2; cat /proc/self/oom_score_adj"
    assert podman.shell(*words, script=script).split() == ["2048", "300"]


def test_privileged_sees_the_devices(podman: Podman) -> None:
    script = "test -c /dev/kmsg && mount -t tmpfs none /tmp && echo yes"
    assert podman.shell("--privileged", script=script) == "yes\n"
