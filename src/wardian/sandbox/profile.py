"""Learn a policy from a trusted run: each system call is noted, and then made.

The program runs in the box of a sandbox, with the limits of one, but every call is let go on, so
only what is trusted belongs here. Nothing is sampled: what the run needed is in the policy. What
another input would need is not; the policy is for a person to read.

Calls that a flag or a family makes harmless or not (CALLS) are allowed by the values that were
seen.

Kernel: seccomp_unotify(2), SECCOMP_USER_NOTIF_FLAG_CONTINUE.
"""

from wardian.kernel.seccomp_notify import Notification
from wardian.sandbox import policy_files
from wardian.sandbox.box import Request
from wardian.sandbox.policy import Policy
from wardian.sandbox.preparation import Prepared
from wardian.sandbox.reporting import Reporter
from wardian.sandbox.run import Run
from wardian.sandbox.supervisor import Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from wardian.sandbox.box import Box
    from wardian.sandbox.limits import Limits
    from wardian.sandbox.verdict import Verdict

# call: (argument that decides, mask of what matters)
CALLS = {
    "clone": (0, 0x7E020000),
    "fcntl": (1, 0xFFFFFFFF),
    "ioctl": (1, 0xFFFFFFFF),
    "mknod": (1, 0xF000),
    "mknodat": (2, 0xF000),
    "personality": (0, 0xFFFFFFFF),
    "prctl": (0, 0xFFFFFFFF),
    "socket": (0, 0xFFFFFFFF),
    "socketpair": (0, 0xFFFFFFFF),
}
# What a program needs that ends by another way than the one that was seen.
ALWAYS = ("exit", "exit_group", "restart_syscall", "rt_sigreturn")
LINE = 100


class Learner(Supervisor):
    """Notes each call and lets it go on.

    Attributes:
        seen: the calls, with the deciding values of those in CALLS.
    """

    def __init__(self, box: "Box", end: "Callable[[], None]") -> None:
        super().__init__(box, "errno", Reporter(None, None), end)
        self.seen: dict[str, set[int]] = {}

    def handle(self, one: Notification | None) -> None:
        """Note one call and let it go on."""
        if one is None:
            return
        if not self.is_launchers(one):
            self._note(one)
        assert self._listener is not None
        self._listener.let_go_on(one)

    def _note(self, one: Notification) -> None:
        name = self.name_of(one)
        if not name:
            return
        values = self.seen.setdefault(name, set())
        if name in CALLS:
            index, mask = CALLS[name]
            values.add(one.arguments[index] & mask)


def learn(
    argv: "Iterable[str]",
    limits: "Limits",
    *,
    image: str | None = None,
    rootfs: str | None = None,
    stdin: "bytes | int" = b"",
    files: "Mapping[str, Any] | None" = None,
    env: "Mapping[str, str] | None" = None,
) -> "tuple[str, Verdict]":
    """Run a trusted program; returns the policy that it needs, as TOML, and how it ended.

    Args:
        argv: the program and its arguments.
        limits: of the run.
        image: for the root, as Sandbox takes it.
        rootfs: likewise.
        stdin: as Sandbox.run takes it.
        files: likewise.
        env: likewise.
    """
    prepared = Prepared(Policy("learn", audit=False), limits, image=image, rootfs=rootfs)
    learners: list[Learner] = []

    def supervise(box: "Box", end: "Callable[[], None]") -> Learner:
        learners.append(Learner(box, end))
        return learners[0]

    words = list(argv)
    request = Request(words, stdin=stdin, files=files or {}, environment=env or {}, outputs=())
    run = Run(prepared, request, supervise)
    try:
        run.start()
        while not run.ended:
            run.step()
        verdict = run.finish()
    except BaseException:
        run.abandon()
        raise
    finally:
        prepared.close()
    text = write(learners[0].seen, " ".join(words))
    policy_files.parse(text.encode(), "learned")  # what is printed can be read
    return text, verdict


def write(seen: "Mapping[str, set[int]]", command: str) -> str:
    """Return a policy as TOML.

    Args:
        seen: as Learner.seen.
        command: for the comment.
    """
    plain = command[:LINE].encode("unicode_escape").decode("ascii")
    allow = sorted({name for name in seen if name not in CALLS} | set(ALWAYS))
    lines = [
        f"# What one run needed of: {plain}",
        "# Read it before you use it: another input may need more.",
        f'description = "learned from a run: {_escaped(plain[:60])}"',
        'mode = "kill"',
        "",
        "allow = [",
        *_wrapped(allow),
        "]",
        "",
        "[refuse]",
        'ENOSYS = ["clone3"]' if "clone3" not in seen else "",
    ]
    for name in sorted(set(seen) & set(CALLS)):
        index, mask = CALLS[name]
        lines += ["", f"[arguments.{name}]", "allow = ["]
        for value in sorted(seen[name]):
            if mask == 0xFFFFFFFF:
                lines.append(f'    "int{index} == {value:#x}",')
            else:
                lines.append(f'    "int{index} & {mask:#x} == {value:#x}",')
        lines.append("]")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _wrapped(names: "list[str]") -> "list[str]":
    lines, line = [], "   "
    for name in names:
        word = f' "{name}",'
        if len(line) + len(word) > LINE:
            lines.append(line)
            line = "   "
        line += word
    return [*lines, line]
