"""`wardian sandbox`: run an untrusted program, learn a policy, show the policies there are."""

import os

from wardian.cli import arguments, exit_codes, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import UsageError
from wardian.sandbox import limits as limit_words
from wardian.sandbox import policy_files
from wardian.sandbox.limits import Limits
from wardian.sandbox.sandbox import Sandbox
from wardian.sandbox.verdict import Outcome, Verdict
from wardian.units import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Option, Parsed

METAVARS = {"duration": "TIME", "size": "SIZE", "count": "N"}
ROOT = (
    value("image", "IMAGE", "an image for the root; else the host's own programs, read-only"),
    value("rootfs", "DIR", "a directory for the root"),
)
INPUT = (
    flag("interactive", "the program reads our standard input", short="i"),
    values("env", "NAME=VALUE", "a variable of its environment", short="e"),
    values("file", "NAME[=PATH]", "a file that it finds in its working directory", short="f"),
)


def _limit_options() -> "tuple[Option, ...]":
    defaults = Limits()
    rows = []
    for word, (field, kind, about) in limit_words.WORDS.items():
        usual = getattr(defaults, field)
        text = f"{about} ({_usual(usual, kind)})" if usual is not None else about
        rows.append(value(word, METAVARS[kind], text))
    return tuple(rows)


def _usual(number: float, kind: str) -> str:
    if kind == "duration":
        return f"{number:g}s"
    mebibyte = limit_words.MEBIBYTE
    return f"{number // mebibyte:.0f}m" if kind == "size" else str(number)


SANDBOX = Command(
    "sandbox run|profile|policies ...",
    "Run untrusted programs, with a verdict."
    "\n\nsandbox run [OPTIONS] -- PROGRAM...       run one, and say how it ended"
    "\n\nsandbox profile [OPTIONS] -- PROGRAM...   run a trusted one, and print the policy it needs"
    "\n\nsandbox policies [NAME]                   list the policies there are, or print one",
)
RUN = Command(
    "sandbox run [OPTIONS] -- PROGRAM [ARGUMENT...]",
    "Run an untrusted program in a box without privileges, network or devices, under a policy of"
    " system calls and limits. Its exit code is the program's own; 124 for a time limit, 137 for"
    " another limit, 159 for a forbidden system call.",
    (
        (
            "Policy",
            (
                value("policy", "NAME|FILE", "compute, strict, or a file (TOML, docker's JSON)"),
                value("mode", "kill|freeze|errno", "what a forbidden call leads to"),
                value("log", "FILE|syslog", "gets one line of JSON for each forbidden call"),
                value("evidence", "DIR", "gets a bundle of evidence for each violation"),
                flag("audit", "the kernel's audit has them too, as with --log and --evidence"),
                flag("criu", "the bundle holds CRIU's images too"),
            ),
        ),
        ("Limits", _limit_options()),
        ("Root", ROOT),
        (
            "Files and streams",
            (
                *INPUT,
                values("fetch", "NAME[=PATH]", "a file of its working directory to bring back"),
                flag("json", "print the verdict as JSON, with what the program wrote in it"),
                flag("verdict", "print the verdict as one line, behind what the program wrote"),
            ),
        ),
    ),
)
PROFILE = Command(
    "sandbox profile [OPTIONS] -- PROGRAM [ARGUMENT...]",
    "Run a trusted program, let it make every system call, and print the policy that it needs.",
    (("Limits", _limit_options()), ("Root", ROOT), ("Files and streams", INPUT)),
)
POLICIES = Command("sandbox policies [NAME]", "List the policies there are, or print one.")


def sandbox(argv: "list[str]") -> int:
    """Do what the word behind `wardian sandbox` says."""
    commands = {"run": run, "profile": profile, "policies": policies}
    if argv[:1] and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    if not argv or argv[0] in ("--help", "-h", "help"):
        return _help(SANDBOX)
    raise UsageError(f'unknown command "sandbox {argv[0]}"', hint="see 'wardian sandbox --help'")


def _help(command: Command) -> int:
    from wardian.cli import help as helping

    return helping.show(command)


def _command(parsed: "Parsed") -> "list[str]":
    words = parsed.words + (parsed.command or [])
    if not words:
        raise UsageError("no program to run", hint="wardian sandbox run -- PROGRAM ...")
    return words


def _limits(parsed: "Parsed") -> Limits:
    given = {word: parsed.values.get(word.replace("-", "_")) for word in limit_words.WORDS}
    return Limits.parse(given)


def _text(parsed: "Parsed", name: str) -> "str | None":
    found = parsed.values.get(name)
    return None if found is None else str(found)


def _pairs(parsed: "Parsed", name: str) -> "dict[str, str]":
    """Return NAME=VALUE words; without "=" the value is the name."""
    found = {}
    for word in parsed.values.get(name, ()):  # type: ignore[attr-defined]
        left, sign, right = word.partition("=")
        found[left] = right if sign else left
    return found


def _files(parsed: "Parsed") -> "dict[str, str]":
    """Return the files to bring in: a path alone is known by its last name."""
    found = {}
    for word in parsed.values.get("file", ()):  # type: ignore[attr-defined]
        left, sign, right = word.partition("=")
        found[left if sign else os.path.basename(left)] = right if sign else left
    return found


def _environment(parsed: "Parsed") -> "dict[str, str]":
    found = {}
    for name, text in _pairs(parsed, "env").items():
        found[name] = os.environ.get(name, "") if text == name else text
    return found


def run(argv: "list[str]") -> int:
    """Run an untrusted program; returns the exit code."""
    parsed = arguments.parse(RUN, argv)
    if parsed.take("help"):
        return _help(RUN)
    outputs = _outputs(parsed)
    with Sandbox(
        _text(parsed, "policy") or "compute",
        limits=_limits(parsed),
        image=_text(parsed, "image"),
        rootfs=_text(parsed, "rootfs"),
        mode=_text(parsed, "mode"),
        evidence=_text(parsed, "evidence"),
        log=_text(parsed, "log"),
        audit=True if parsed.values.get("audit") else None,
        criu=bool(parsed.values.get("criu")),
    ) as made:
        verdict = made.run(
            _command(parsed),
            stdin=0 if parsed.values.get("interactive") else b"",
            files=_files(parsed),
            env=_environment(parsed),
            outputs=list(outputs),
        )
        is_whole = _bring(verdict, outputs)
        _tell(verdict, parsed)
        if verdict.box is not None:
            _hold(verdict)
    return code_of(verdict) if is_whole else exit_codes.OWN_FAILURE


def _outputs(parsed: "Parsed") -> "dict[str, str]":
    """Return the files to bring back, and where to; a place that can't be written is an error."""
    found = _pairs(parsed, "fetch")
    for word in parsed.values.get("fetch", ()):  # type: ignore[attr-defined]
        name, sign, path = word.partition("=")
        if sign and found[name] != path:
            raise UsageError(f'output "{name}": asked for twice')
    for path in found.values():
        if os.path.lexists(path):
            raise UsageError(f'output "{path}": there is such a file already')
        above = os.path.dirname(path)
        if above and not os.path.isdir(above):
            raise UsageError(f'output "{path}": no directory "{above}"', hint="--fetch NAME=PATH")
    return found


def _bring(verdict: Verdict, outputs: "dict[str, str]") -> bool:
    """Write the files that were asked for, over no other; returns whether all could be written."""
    is_whole = True
    for name, content in verdict.outputs.items():
        path = outputs[name]
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            with open(fd, "wb") as file:
                file.write(content)
        except OSError as error:
            is_whole = False
            render.complain(f'output "{path}": {(error.strerror or str(error)).lower()}')
    for name, reason in verdict.output_errors.items():
        render.complain(f'output "{name}": {reason}')
    return is_whole


def _tell(verdict: Verdict, parsed: "Parsed") -> None:
    if parsed.values.get("json"):
        render.out(verdict.to_json() + "\n")
        return
    render.out_bytes(verdict.stdout)
    render.out_bytes(verdict.stderr, 2)
    for line in verdict.degraded:
        render.warn(f"degraded: {line}")
    plain = (Outcome.OK, Outcome.NONZERO_EXIT, Outcome.SIGNAL)
    if verdict.outcome not in plain or parsed.values.get("verdict"):
        render.complain(describe(verdict))
    if verdict.evidence:
        render.complain(f"evidence: {verdict.evidence}")


def describe(verdict: Verdict) -> str:
    """Return the verdict in one line."""
    parts = [str(verdict.outcome)]
    if verdict.limit is not None:
        value = verdict.limit.value
        is_size = verdict.limit.name.endswith("_bytes")
        shown = format_size(int(value)) if is_size else f"{value:g}"
        parts.append(f"{verdict.limit.name} {shown}")
    if verdict.reason:
        parts.append(verdict.reason)
    usage = verdict.usage
    parts.append(
        f"{usage.wall_s:.3f} s, {usage.cpu_s:.3f} s of processor time, "
        f"{format_size(usage.peak_memory_bytes)}"
    )
    return ": ".join((parts[0], "; ".join(parts[1:])))


def _hold(verdict: Verdict) -> None:
    """Leave a frozen box to a person until a key is pressed or a signal comes."""
    import signal

    box = verdict.box
    render.complain(
        f"the box stands frozen: pids {', '.join(map(str, box.pids))}",
        "look at it from another terminal; Ctrl-C here ends it",
    )
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    except KeyboardInterrupt:
        pass
    finally:
        box.end()


def code_of(verdict: Verdict) -> int:
    """Return the exit code for a verdict."""
    if verdict.exit_code is not None and verdict.outcome in (Outcome.OK, Outcome.NONZERO_EXIT):
        return verdict.exit_code
    if verdict.outcome is Outcome.SIGNAL:
        return 128 + (verdict.signal or 0)
    codes = {
        Outcome.WALL_TIME: exit_codes.TIMED_OUT,
        Outcome.CPU_TIME: exit_codes.TIMED_OUT,
        Outcome.VIOLATION: exit_codes.VIOLATION,
        Outcome.INTERNAL_ERROR: exit_codes.OWN_FAILURE,
    }
    return codes.get(verdict.outcome, exit_codes.KILLED)


def profile(argv: "list[str]") -> int:
    """Learn a policy from a trusted run, and print it."""
    parsed = arguments.parse(PROFILE, argv)
    if parsed.take("help"):
        return _help(PROFILE)
    from wardian.sandbox import profile as learning

    text, verdict = learning.learn(
        _command(parsed),
        _limits(parsed),
        image=_text(parsed, "image"),
        rootfs=_text(parsed, "rootfs"),
        stdin=0 if parsed.values.get("interactive") else b"",
        files=_files(parsed),
        env=_environment(parsed),
    )
    render.out_bytes(verdict.stdout + verdict.stderr, 2)  # the policy alone goes to our output
    render.out(text)
    if not verdict.ok:
        render.complain(f"the run ended otherwise than well: {describe(verdict)}")
    return 0 if verdict.ok else exit_codes.FAILED


def policies(argv: "list[str]") -> int:
    """List the policies, or print one."""
    parsed = arguments.parse(POLICIES, argv, mixed=True)
    if parsed.take("help"):
        return _help(POLICIES)
    words = parsed.words + (parsed.command or [])
    if len(words) > 1:
        raise UsageError('"wardian sandbox policies" takes one name')
    if words:
        policy_files.load(words[0])
        path = policy_files.path_of(words[0]) if words[0] in policy_files.names() else words[0]
        with open(path, encoding="utf-8") as file:
            render.out(file.read())
        return 0
    rows = [(name, policy_files.load(name).description) for name in policy_files.names()]
    render.out(render.table(("POLICY", "WHAT FOR"), rows))
    return 0
