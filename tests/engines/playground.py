"""A place where engines run as on a machine of their own, and from which nothing gets out.

It has its own processes, mounts, network and System V IPC, its own /run and /dev/shm, its own copy
of /etc and of /usr/local/bin, and directories of its own at /var/lib/docker and the like. So each
engine has its usual paths, as its guide says, and bridges and addresses of its own. When the first
process is killed, the kernel ends every other, and with them go the mounts and the network; only
control groups stay, and are removed by their name.

What is not its own: the control groups' file systems, as an engine has them on the host.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import machine
from tests.runtimes import Done, remove_groups

GROUP = f"engines-test-{os.getpid()}"
STORES = ("containers", "docker", "containerd", "cni")
# $1: a directory on a real file system, $2: the runtime
FURNISH = """
set -e
mount --make-rprivate /
mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mkdir -m 1777 /run/lock
for place in /etc /usr/local/bin /var/lib; do
    own=/run/own$place
    mkdir -p $own/upper $own/work
    mount -t overlay -o lowerdir=$place,upperdir=$own/upper,workdir=$own/work overlay $place
done
for store in %(stores)s; do
    mkdir -p $1/$store /var/lib/$store
    mount --bind $1/$store /var/lib/$store
done
mkdir -p /etc/containers/registries.conf.d /etc/docker /etc/containerd /etc/cni/net.d
rm -f /etc/containers/*.conf /etc/docker/*.json /etc/containerd/*.toml
[ -e /etc/containers/policy.json ] ||
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
ln -sf "$2" /usr/local/bin/wardian-oci
ip link set lo up
echo up
exec catatonit -P
"""


class Playground:
    """The place, while its first process lives.

    Attributes:
        pid: its first process, as the host counts.
        files: a directory that both sides see.
        env: what every program in it gets.
    """

    def __init__(self, pid: int, files: Path) -> None:
        self.pid, self.files = pid, files
        self.env = {
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        }

    def argv(self, *words: str | Path) -> list[str]:
        """The command line that starts a program in the place, in the directory of files."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-i", "env", "-C"]
        return [*enter, str(self.files), *map(str, words)]

    def run(
        self,
        *words: str | Path,
        input: str = "",  # noqa: A002 - subprocess.run's word
        env: Mapping[str, str] | None = None,
        timeout_s: float = 120,
    ) -> Done:
        """Run a program in the place."""
        return subprocess.run(
            self.argv(*words),
            input=input,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
        )

    def output(self, *words: str | Path, input: str = "") -> str:  # noqa: A002
        """Run a program that must succeed; returns what it printed."""
        done = self.run(*words, input=input)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *words: str | Path, log: Path) -> "subprocess.Popen[bytes]":
        """Start a program that goes on, such as a daemon."""
        with open(log, "ab") as output:
            return subprocess.Popen(
                self.argv(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.env,
            )

    def write(self, path: str, text: str) -> None:
        """Write a file of the place."""
        self.output("sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1"', "sh", path, input=text)

    def groups(self, name: str) -> list[Path]:
        """The control groups of a container, by the end of their name."""
        found = Path("/sys/fs/cgroup").glob(f"*/{GROUP}/**/*{name}*/")
        return sorted(path for path in found if path.is_dir())

    def limit(self, name: str, file: str) -> str:
        """What a container's control group says in a file, such as memory.limit_in_bytes."""
        for group in self.groups(name):
            if (group / file).exists():
                return (group / file).read_text().strip()
        raise AssertionError(f"no {file} in {self.groups(name)}")


@contextmanager
def playground(runtime: Path) -> Iterator[Playground]:
    """Open a playground in which /usr/local/bin/wardian-oci is the runtime."""
    machine.requires("root", "catatonit")
    with tempfile.TemporaryDirectory(prefix="engines-", ignore_cleanup_errors=True) as name:
        files = Path(name)
        files.chmod(0o755)
        furnish = FURNISH % {"stores": " ".join(STORES)}
        enter = ["unshare", "-m", "-n", "-p", "-i", "-f", "--kill-child"]
        holder = subprocess.Popen(
            [*enter, "sh", "-c", furnish, "sh", files / "stores", runtime],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert holder.stdout is not None
            line = holder.stdout.readline()
            assert line == "up\n", line + holder.stdout.read()
            yield Playground(_child(holder.pid), files)
        finally:
            holder.kill()
            holder.communicate()
            kept = _removed_groups()
    assert not kept, kept


def _child(pid: int) -> int:
    """Return the only child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8"))


def _removed_groups() -> Sequence[str]:
    """Remove what is left of the control groups, once the processes in them have ended."""
    machine.until(lambda: not remove_groups(GROUP))
    return remove_groups(GROUP)
