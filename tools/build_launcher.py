"""Compile the launcher: python tools/build_launcher.py TARGET [--sanitize].

One static executable from launcher/*.c, by $CC or the machine's cc or gcc, and beside it
wardian-clock.so from src/wardian/repro/clock.c. setup.py and the Makefile both build through this
file, so that there is one list of flags. The target is replaced by a rename: a launcher that runs
at this moment is not disturbed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter"]
RELEASE = ["-O2", "-static", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"]
LINKED = ["-Wl,-z,relro,-z,now,-z,noexecstack", "-s"]
SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CLOCK = ROOT / "src" / "wardian" / "repro" / "clock.c"
PRELOADED = ["-O2", "-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-s"]
REMEDY = "on Debian: apt-get install gcc libc6-dev"


class BuildError(Exception):
    """The launcher can't be built; the text says what is missing and where it comes from."""


def compiler() -> list[str]:
    """Return the C compiler's command."""
    named = os.environ.get("CC")
    if named:
        return named.split()
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise BuildError(f"no C compiler: wardian's launcher is compiled on installation\n{REMEDY}")


def attempt(command: list[str]) -> str:
    """Run the compiler; return what it complained about, or nothing if it succeeded."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError(f'the C compiler "{command[0]}" is not there\n{REMEDY}') from None
    if done.returncode == 0:
        sys.stderr.write(done.stderr)
        return ""
    return done.stderr or f"exit code {done.returncode}"


def diagnose(cc: list[str], complaint: str, directory: Path) -> str:
    """Say whether the machine or the source is at fault."""
    probe = directory / "probe.c"
    probe.write_text('#include <stdio.h>\nint main(void) { return puts("") < 0; }\n')
    plain = [*cc, str(probe), "-o", str(directory / "probe")]
    if attempt(plain):
        return f"{' '.join(cc)} can't compile the smallest program: no C library headers?\n{REMEDY}"
    if attempt([*plain, "-static"]):
        return f"no static C library, which the launcher is linked with\n{REMEDY}"
    return f"the launcher does not compile\n{complaint}"


def build(target: Path, *, sanitize: bool = False) -> None:
    """Compile launcher/*.c to `target`.

    Args:
        target: the executable; its directory is made where missing.
        sanitize: with AddressSanitizer and UBSan, not static; for tests.

    Raises:
        BuildError: there is no compiler, no static C library, or the source is wrong.
    """
    sources = sorted(str(path) for path in (ROOT / "launcher").glob("*.c"))
    if not sources:
        raise BuildError(f'no C file in "{ROOT / "launcher"}"')
    cc = compiler()
    flags = [*LANGUAGE, *(SANITIZED if sanitize else [*RELEASE, *LINKED])]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".launcher-") as scratch:
        made = Path(scratch) / "launcher"
        complaint = attempt([*cc, *flags, *sources, "-o", str(made)])
        if complaint:
            raise BuildError(diagnose(cc, complaint, Path(scratch)))
        made.chmod(0o755)
        made.replace(target)
        if not sanitize:
            build_clock(cc, Path(scratch) / "clock", target.with_name("wardian-clock.so"))


def build_clock(cc: list[str], made: Path, target: Path) -> None:
    """Compile repro/clock.c; on a processor that it does not know there is none."""
    if not attempt([*cc, *LANGUAGE, *PRELOADED, str(CLOCK), "-o", str(made)]):
        made.chmod(0o755)
        made.replace(target)


def main() -> int:
    """Build what the command line names."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if len(words) != 1:
        sys.stderr.write("usage: build_launcher.py TARGET [--sanitize]\n")
        return 2
    try:
        build(Path(words[0]).resolve(), sanitize="--sanitize" in sys.argv)
    except BuildError as error:
        sys.stderr.write(f"wardian: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
