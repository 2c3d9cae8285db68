"""The lab's command line, behind `make lab`, `make lab-smoke` and `make lab-shell`."""

import argparse
import ctypes
import signal
import sys

from lab import image, session, settings
from lab.machine import PR_SET_PDEATHSIG
from lab.settings import LabError, UnavailableError


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run tests in the lab")
    run.add_argument(
        "tests", nargs="*", help="path::name, as for pytest; default: all of the lab's"
    )
    run.add_argument(
        "--hosts", type=int, default=1, choices=(1, 2), help="2: the tests of two hosts"
    )
    run.add_argument(
        "-m",
        dest="wanted",
        default="lab or lab_systemd or lab_hosts",
        help="a marker expression, as for pytest; default: all that tests/lab_marks.py marks",
    )
    shell = commands.add_parser("shell", help="a shell in a machine")
    shell.add_argument("--init", default="direct", choices=("direct", "systemd"))
    commands.add_parser("image", help="make the image if it is not there; print where it is")
    return parser.parse_args()


def main() -> int:
    """Do what was asked; an error is a line."""
    asked = arguments()
    # When make dies, however it does, so do we, and with us qemu.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    try:
        if asked.command == "shell":
            return session.shell(init=asked.init)
        if asked.command == "image":
            print(image.ready())
            return 0
        return session.Session(asked.tests, asked.wanted, asked.hosts).run()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        word = "not run" if isinstance(error, UnavailableError) else "broken"
        settings.results().mkdir(parents=True, exist_ok=True)
        (settings.results() / "summary").write_text(f"{word}: {error}\n", encoding="utf-8")
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def _terminated(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
