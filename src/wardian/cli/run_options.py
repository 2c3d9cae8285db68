"""What `run` and `explain` take: docker's option names, wherever docker has the option.

What a value means is checked in engine/options.py, so that Python callers get the same words.
"""

from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.engine.container import Container

SHELL = ["sh"]

GROUPS = (
    (
        "The image",
        (
            value("pull", "missing|always|never", "when to ask the registry (missing)"),
            value("platform", "OS/ARCH[/VARIANT]", "another platform's image, by emulation"),
            value(
                "entrypoint",
                "PROGRAM",
                "instead of the image's Entrypoint and Cmd",
                may_be_empty=True,
            ),
            flag("quiet", "show no progress of a pull", short="q"),
        ),
    ),
    (
        "The root (with no image and none of these: the host's own programs)",
        (
            value("rootfs", "DIR", "take this directory as the root's base; it is never changed"),
            flag("scratch", "start from an empty root"),
            values("closure", "PROGRAM", "with --scratch: bring in a program and what it needs"),
            flag("read-only", "mount the root read-only"),
            value("keep", "NAME", "keep what the box writes under this name"),
            value("from-kept", "NAME", "go on from what was kept"),
            value("storage-size", "SIZE", "bound of what a box may write that is thrown away"),
        ),
    ),
    (
        "Files",
        (
            values("volume", "SRC:DST[:ro]", "show a directory or file of the host", short="v"),
            values("mount", "WORDS", "type=bind,src=PATH,dst=PATH[,ro] or type=tmpfs,dst=PATH"),
            values("tmpfs", "PATH[:WORDS]", "mount an empty file system in memory"),
            value("shm-size", "SIZE", "size of /dev/shm (64m)"),
        ),
    ),
    (
        "The program",
        (
            flag("interactive", "pass standard input on", short="i"),
            flag("tty", "give it a terminal", short="t"),
            values("env", "NAME[=VALUE]", "set a variable, or pass ours on", short="e"),
            values("env-file", "FILE", "set variables from a file, one a line"),
            value("workdir", "PATH", "where it starts (/)", short="w"),
            value("user", "NAME|UID[:GROUP]", "whom it runs as (root)", short="u"),
            values("group-add", "GROUP", "a further group of the user"),
            value("umask", "OCTAL", "what new files lack (022)"),
            value(
                "affinity", "LIST", "the processors that it sees, as 0-2; needs no control group"
            ),
            value("personality", "WORD,...", "uname26, no-aslr; linux for what the caller changed"),
            flag("init", "keep an init as process 1 (on; --no-init turns it off)"),
            value("stop-signal", "SIGNAL", "what asks the program to end (TERM)"),
            value(
                "stop-timeout",
                "SECONDS",
                "how long it may take then, before SIGKILL (10); -1 for ever",
            ),
            value("timeout", "TIME", "stop it after this time, as 2.5, 500ms or 1m30s"),
            values("ulimit", "NAME=SOFT[:HARD]", "a resource limit, as nofile=1024:2048"),
            value("cpu-profile", "v2|v3|native", "compute as any processor of this kind does"),
            value("threads", "NUMBER", "of BLAS and OpenMP (1 with --cpu-profile)"),
        ),
    ),
    (
        "Names, network, kernel",
        (
            value("hostname", "NAME", "the box's host name (wardian)", short="h"),
            value("domainname", "NAME", "its NIS domain name"),
            value("network", "none|host", "loopback only, or the host's network", alias="net"),
            values("sysctl", "NAME=VALUE", "a kernel setting of the box's namespaces"),
            values("time-offset", "CLOCK=SECONDS", "shift boottime or monotonic"),
        ),
    ),
    (
        "Privileges",
        (
            values("cap-add", "CAPABILITY", "add to what docker gives root, or ALL"),
            values("cap-drop", "CAPABILITY", "take away, or ALL"),
            values(
                "security-opt",
                "WORD",
                "seccomp=FILE (docker's format), seccomp=unconfined, systempaths=unconfined, "
                "no-new-privileges=false",
            ),
            value("seccomp-allow", "CALL,...", "allow these system calls and no other"),
        ),
    ),
    (
        "Limits",
        (
            value("memory", "SIZE", "as 512m", short="m"),
            value("memory-swap", "SIZE", "memory and swap together; -1 is unlimited"),
            value("memory-reservation", "SIZE", "what the box keeps when memory is short"),
            value("memory-swappiness", "PERCENT", "how gladly it is swapped out, 0 to 100 (v1)"),
            flag("oom-kill-disable", "wait for memory instead of being killed (v1)"),
            value("cpus", "NUMBER", "processors, as 1.5"),
            value("cpu-shares", "NUMBER", "weight against other boxes (1024)", short="c"),
            value("cpu-period", "MICROSECONDS", "period of the quota"),
            value("cpu-quota", "MICROSECONDS", "processor time in each period"),
            value("cpu-rt-period", "MICROSECONDS", "period of the real-time share (v1)"),
            value("cpu-rt-runtime", "MICROSECONDS", "real-time share in each period (v1)"),
            value("cpuset-cpus", "LIST", "these processors, as 0-2,4"),
            value("cpuset-mems", "LIST", "these memory nodes"),
            value("pids-limit", "NUMBER", "processes and threads; -1 is unlimited"),
            value("blkio-weight", "NUMBER", "weight of reads and writes, 10 to 1000"),
            values("blkio-weight-device", "DEVICE:NUMBER", "the same for one disk"),
            values("device-read-bps", "DEVICE:RATE", "bytes a second, as /dev/sda:10m"),
            values("device-write-bps", "DEVICE:RATE", "bytes a second"),
            values("device-read-iops", "DEVICE:NUMBER", "operations a second"),
            values("device-write-iops", "DEVICE:NUMBER", "operations a second"),
            values("cgroup-conf", "FILE=VALUE", "any other file of cgroup v2, as memory.high=256m"),
        ),
    ),
    (
        "Devices and control groups",
        (
            values("device", "PATH[:PATH][:rwm]", "show a device of the host, and allow its use"),
            values("device-cgroup-rule", "RULE", 'allow further devices, as "c 10:229 rwm"'),
            value("cgroup-parent", "GROUP", "make the box's group in this one"),
            value("cgroup-manager", "NAME", "who makes it: cgroupfs, or systemd with its scopes"),
            value("cgroupns", "private|host", "whether its group looks like the root of all"),
        ),
    ),
)

# Docker's, for images, networks and containers that outlive the command.
FOREIGN = (
    "a d l p P add-host annotation attach cidfile"
    " detach detach-keys dns dns-option dns-search expose"
    " gpus health-cmd ip ip6 ipc isolation label label-file link log-driver log-opt mac-address"
    " name network-alias no-healthcheck oom-score-adj pid"
    " privileged publish publish-all restart runtime storage-opt userns uts"
    " volume-driver volumes-from"
)

RUN = Command(
    "run [OPTIONS] [IMAGE] [--] [COMMAND] [ARGUMENT...]",
    "Run a program in a box of its own: on an image, on the host's programs, on a directory, or on"
    ' nothing but what it needs; without an image the program stands behind "--". What it writes'
    " is thrown away.\n\n"
    "The exit code is the program's, 128 + n after signal n, 124 after --timeout; 125 where the box"
    " could not be made, 126 where the program can't be executed, 127 where it is not there.",
    (
        *GROUPS,
        (
            "Other",
            (
                flag("explain", "print what would be done, and do nothing"),
                flag("rm", "for docker's users: a box is always removed"),
            ),
        ),
    ),
    foreign=FOREIGN,
)

EXPLAIN = Command(
    "explain [OPTIONS] [IMAGE] [--] [COMMAND] [ARGUMENT...]",
    "Print what `wardian run` with these options would do, one kernel operation a line, and why."
    " The hash in the last line is the same wherever the same is done.",
    (*GROUPS, ("Other", (flag("json", "as JSON, for programs"),))),
    foreign=FOREIGN,
)


def command_of(parsed: "Parsed", *, interactive: bool) -> "list[str]":
    """Return the program to run; an image's name goes to the values.

    Args:
        parsed: what was typed.
        interactive: a person sits there, and gets a shell where nothing was named.

    Raises:
        UsageError: there is no program, and no image that could name one.
    """
    if parsed.words:
        name, *program = parsed.words
        if parsed.values.get("rootfs") or parsed.values.get("scratch"):
            raise UsageError(
                f'"{name}": the program comes after "--"', hint=f"... -- {' '.join(parsed.words)}"
            )
        parsed.values["image"] = name
        if not program or parsed.command is None:
            return program or parsed.command or []
        return [*program, "--", *parsed.command]  # it was the program's
    if parsed.command:
        return parsed.command
    if interactive:
        return SHELL
    hint = "wardian run [OPTIONS] -- COMMAND [ARGUMENT...]; or IMAGE [COMMAND ...]"
    raise UsageError("no program to run", hint=hint)


def container(command: "list[str]", parsed: "Parsed") -> "Container":
    """Return the box for what was typed; if its image must be pulled, standard error shows it."""
    from wardian.engine.container import Container

    is_quiet = parsed.take("quiet")
    if "image" not in parsed.values:
        return Container(command, **parsed.values)
    from wardian.cli import run_progress

    with run_progress.RunProgress(str(parsed.values["image"]), quiet=is_quiet) as shown:
        return Container(command, progress=shown, **parsed.values)
