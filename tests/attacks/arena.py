"""Where attacks run: they are compiled, run in a sandbox, and what became of them is judged.

Everything that an attack may use against the host is there to be found: a file with a secret, unix
sockets by path and by abstract name, and a TCP port, all of them of the test's own process. Each
secret is the canary, the word that no run may ever print.
"""

import concurrent.futures
import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from tests import machine
from tests.attacks import host
from tests.attacks.corpus import HERE, Attack, Expectation, slower
from tests.habits.project import ROOT
from wardian import Limits, Outcome, Sandbox, SandboxPool, Verdict, WarmPython
from wardian.sandbox import listening, witness

CANARY = b"CANARY"
STANDARD: dict[str, object] = {
    "wall": "2s",
    "cpu": "1s",
    "memory": "64m",
    "processes": 32,
    "open-files": 128,
    "output": "256k",
    "file-size": "8m",
    "disk": "16m",
    "inodes": 512,
}
# Where processors are emulated programs are ten times slower, and no limit of theirs is about that.
SLOWNESS = 8 if "WARDIAN_LAB" in os.environ else 1
LARGEST_EVIDENCE = 256 << 20
BUILT = ROOT / "build" / "attacks"
C_FLAGS = ("-std=gnu17", "-O1", "-w", "-static", f"-I{HERE}")
ASSEMBLER_FLAGS = ("-static", "-nostdlib", "-no-pie")
RUN_BY = {".py": "python3", ".sh": "sh"}


def build(source: Path, flags: tuple[str, ...] = ()) -> Path:
    """Compile a program, unless that was done before; a script is what it is."""
    if source.suffix in RUN_BY:
        return source
    machine.requires("compiler")
    kind = ASSEMBLER_FLAGS if source.suffix == ".S" else C_FLAGS
    words = ["cc", *kind, *flags]
    state = source.read_bytes() + (HERE / "attack.h").read_bytes() + " ".join(words).encode()
    made = BUILT / hashlib.sha256(state).hexdigest()[:24]
    if not made.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        partial = made.with_suffix(f".{os.getpid()}-{threading.get_ident()}")  # two may be alike
        subprocess.run([*words, "-o", str(partial), str(source)], check=True)
        partial.rename(made)
    return made


class Arena:
    """Runs attacks; one for a session.

    Args:
        place: an empty directory for victims, and for evidence.
        kind: what they run in: of a pool, each attack has one of its own.
    """

    def __init__(self, place: Path, kind: type[Sandbox] = Sandbox) -> None:
        self.kind = kind
        self.victims = place / "host"
        self.evidence = place / "evidence"
        self.victims.mkdir()
        self.evidence.mkdir()
        (self.victims / "secret").write_bytes(CANARY + b" of the host\n")
        self.abstract = f"wardian-secret-{os.getpid()}-{kind.__name__}"
        self.programs: dict[Path, Path] = {}
        self.standard = Sandbox("compute", limits=slower(Limits.parse(STANDARD), SLOWNESS))
        self.sentinel = build(HERE / "sentinel.c")
        self.quiet = self.probe()  # the first run may have made what all others use
        self.quiet = self.probe()
        self.listeners = [socket.create_server(("127.0.0.1", 0))]
        for address in (str(self.victims / "socket"), "\0" + self.abstract):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            self.listeners.append(listener)
        witness.lacks()  # begun by the first that has evidence, and there for all others
        listening.settle()  # what the last box had is no part of how the host is
        self.before = host.look(self.victims)

    def close(self) -> None:
        """Let go of what the attacks could have found."""
        self.standard.close()
        for listener in self.listeners:
            listener.close()

    def prepare(self, attacks: list[Attack]) -> None:
        """Compile these, before anything is compared: compilers are processes too."""
        flags = [tuple(one.one("compile").split()) for one in attacks]
        paths = [one.path for one in attacks]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as compilers:
            self.programs.update(zip(paths, compilers.map(build, paths, flags), strict=True))

    def run(self, attack: Attack) -> list[str]:
        """Run an attack as often as it wants; returns what is wrong, a line each."""
        program = self.programs[attack.path]
        faults = []
        with self._sandbox(attack) as sandbox:
            quiet = "" if self.kind is Sandbox else self.probe(sandbox)
            for number in range(attack.runs):
                verdict = self._run_once(sandbox, attack, program)
                told = f"run {number + 1}: " if attack.runs > 1 else ""
                faults += [told + fault for fault in judge(attack, verdict)]
                if attack.one("evidence"):
                    faults += self._evidence_faults(verdict)
            if self.kind is not Sandbox:
                faults += _differences(quiet, self.probe(sandbox))
        return faults + self.aftermath()

    def _run_once(self, sandbox: Sandbox, attack: Attack, program: Path) -> Verdict:
        name = "attack" + (program.suffix if program.suffix in RUN_BY else "")
        words = {
            "program": name if program.suffix in RUN_BY else f"./{name}",
            "secret": str(self.victims / "secret"),
            "directory": str(self.victims),
            "socket": str(self.victims / "socket"),
            "abstract": self.abstract,
            "port": str(self.listeners[0].getsockname()[1]),
            "hostname": os.uname().nodename,
            "root": os.environ["WARDIAN_ROOT"],
        }
        standard = f"{RUN_BY.get(program.suffix, '')} {{program}}"
        argv = [word.format(**words) for word in attack.one("argv", standard).split()]
        files: dict[str, bytes | str | os.PathLike[str]] = {name: program}
        for word in attack.one("files").split():
            given, _, content = word.partition("=")
            files[given] = content.encode()
        return sandbox.run(
            argv[1:] if self.kind is WarmPython else argv,
            stdin=attack.one("stdin").encode(),
            files=files,
            env={host.MARK: str(os.getpid())},
            outputs=tuple(attack.outputs),
        )

    def _sandbox(self, attack: Attack) -> contextlib.AbstractContextManager[Sandbox]:
        """Return the sandbox for an attack: one serves many runs, as it would for a grader."""
        evidence = self.evidence if attack.one("evidence") else None
        policy = attack.one("policy", "compute")
        limits = attack.limits(STANDARD, SLOWNESS)
        if self.kind is SandboxPool:
            return SandboxPool(policy, limits=limits, evidence=evidence, size=1)
        if self.kind is WarmPython:
            return WarmPython(policy, limits=limits, evidence=evidence, size=1, imports=["ctypes"])
        if policy == "compute" and not attack.one("limits") and evidence is None:
            return contextlib.nullcontext(self.standard)
        return Sandbox(policy, limits=limits, evidence=evidence)

    def probe(self, sandbox: Sandbox | None = None) -> str:
        """Return what a well-behaved program sees in a run of its own."""
        argv = ["-c", "import os; os.execv('./attack', ['./attack'])"]
        if not isinstance(sandbox, WarmPython):
            argv = ["./attack"]
        verdict = (sandbox or self.standard).run(argv, files={"attack": self.sentinel})
        seen = verdict.stdout.decode()
        return f"{verdict.outcome} {verdict.exit_code} {verdict.reason}\n{seen}"

    def aftermath(self) -> list[str]:
        """Return what is different on the host, and to the next run."""
        now = host.look(self.victims)
        if changed := host.changes(self.before, now):
            # What others do on this machine passes; so do processes that are about to be reaped.
            machine.until(lambda: not host.changes(self.before, host.look(self.victims)))
            now = host.look(self.victims)
            changed = host.changes(self.before, now)
            self.before = now
        return changed + _differences(self.quiet, self.probe())

    def _evidence_faults(self, verdict: Verdict) -> list[str]:
        """Look at a bundle, and remove it."""
        if verdict.outcome is not Outcome.VIOLATION:
            return []
        if verdict.evidence is None or not os.path.isdir(verdict.evidence):
            return [f"no evidence: {verdict.evidence}"]
        place = Path(verdict.evidence)
        files = [path for path in place.rglob("*") if not path.is_dir()]
        faults = [f"evidence: {path} is a link" for path in files if path.is_symlink()]
        used = sum(path.lstat().st_blocks * 512 for path in files)
        if used > LARGEST_EVIDENCE:
            faults.append(f"evidence: {used} bytes on disk")
        if not any(path.stat().st_size for path in files):
            faults.append("evidence: nothing in it")
        shutil.rmtree(place)
        return faults


def _differences(quiet: str, seen: str) -> list[str]:
    return [f"the next run sees:\n{seen}\ninstead of:\n{quiet}"] if seen != quiet else []


def judge(attack: Attack, verdict: Verdict) -> list[str]:
    """Compare a verdict with what is expected; returns what is wrong."""
    faults = []
    everything = [verdict.stdout, verdict.stderr, *verdict.outputs.values()]
    if any(CANARY in data for data in everything):
        faults.append("the canary was seen: the attack worked")
    mismatches = [_mismatch(one, verdict) for one in attack.expectations]
    if all(mismatches):
        expected = " or ".join(map(str, attack.expectations))
        faults.append(
            f"expected {expected}; {'; '.join(filter(None, mismatches))}; {_told(verdict)}"
        )
    elif verdict.outcome is not Outcome.VIOLATION:
        for name, word in attack.outputs.items():
            faults += _output_faults(name, word, verdict)
    return faults


def _mismatch(expected: Expectation, verdict: Verdict) -> str:
    """Return what does not match, or nothing."""
    if verdict.outcome is not expected.outcome:
        return f"outcome {verdict.outcome}"
    first = verdict.violations[0] if verdict.violations else None
    output = verdict.stdout.decode("utf-8", "backslashreplace").strip()
    seen = {
        "syscall": first.syscall if first else "none",
        "arch": first.arch if first else "none",
        "count": str(verdict.violation_count),
        "code": str(verdict.exit_code),
        "signal": signal.Signals(verdict.signal).name if verdict.signal else "none",
        "limit": verdict.limit.name if verdict.limit else "none",
    }
    for key, value in expected.facts.items():
        if key == "stdout":
            if not re.fullmatch(value, output, re.DOTALL):
                return f"stdout {output[:200]!r} is not {value!r}"
        elif seen[key] != value:
            return f"{key} {seen[key]} is not {value}"
    if first and expected.outcome is not Outcome.VIOLATION:
        return f"a violation: {first.syscall}"
    return ""


def _output_faults(name: str, word: str, verdict: Verdict) -> list[str]:
    there = name in verdict.outputs
    if word in ("refused", "missing"):
        if there:
            return [f"output {name}: collected {verdict.outputs[name][:40]!r}"]
        return [] if name in verdict.output_errors else [f"output {name}: no word about it"]
    if word in ("any", ""):
        known = there or name in verdict.output_errors
        return [] if known else [f"output {name}: no word about it"]
    if not there:
        return [f"output {name}: {verdict.output_errors.get(name, 'no word about it')}"]
    content = verdict.outputs[name]
    return [] if content == word.encode() else [f"output {name}: {content[:40]!r}, not {word!r}"]


def _told(verdict: Verdict) -> str:
    return (
        f"exit {verdict.exit_code}, signal {verdict.signal}, limit {verdict.limit}, "
        f"reason {verdict.reason!r}, stdout {verdict.stdout[:200]!r}, "
        f"stderr {verdict.stderr[:400]!r}, {verdict.usage}"
    )
