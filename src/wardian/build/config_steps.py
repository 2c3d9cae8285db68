"""The instructions that change nothing but the image's config.

Source: Dockerfile reference; image-spec, config.md; docker's HEALTHCHECK and ONBUILD extensions.
"""

import posixpath
import re

from wardian.engine import process_words
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.build.instructions import Instruction
    from wardian.build.state import State

_PORT_MAX = 65535
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h))")
_UNITS_NS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


def apply(state: "State", instruction: "Instruction") -> None:
    """Carry out one of HANDLED.

    Raises:
        SpecError: a value is wrong.
    """
    HANDLED[instruction.keyword](state, instruction)


def command(state: "State", instruction: "Instruction") -> "list[str]":
    """Return the program and arguments of an exec or a shell form."""
    if instruction.is_exec:
        return [word.text for word in instruction.words]
    return [*state.shell, instruction.rest.text]


def _env(state: "State", instruction: "Instruction") -> None:
    # All values see the variables as they were before the instruction.
    found = [
        (state.word(instruction, name), state.word(instruction, value) if value else "")
        for name, value in instruction.pairs
    ]
    for name, text in found:
        state.set_env(name, text)


def _label(state: "State", instruction: "Instruction") -> None:
    labels = dict(state.run.get("Labels") or {})
    for name, value in instruction.pairs:
        labels[state.word(instruction, name)] = state.word(instruction, value) if value else ""
    state.run["Labels"] = labels


def _cmd(state: "State", instruction: "Instruction") -> None:
    state.run["Cmd"] = command(state, instruction)
    state.cmd_is_own = True


def _entrypoint(state: "State", instruction: "Instruction") -> None:
    state.run["Entrypoint"] = command(state, instruction)
    if not state.cmd_is_own:  # what the base had was for another entrypoint
        state.run.pop("Cmd", None)


def _expose(state: "State", instruction: "Instruction") -> None:
    ports = dict(state.run.get("ExposedPorts") or {})
    for word in instruction.words:
        for text in state.word(instruction, word).split():
            numbers, _slash, protocol = text.partition("/")
            first, _dash, last = numbers.partition("-")
            kind = (protocol or "tcp").lower()
            row = (first, last or first)
            good = all(one.isascii() and one.isdecimal() and len(one) < 6 for one in row)
            if not good or not 0 < int(row[0]) <= int(row[1]) <= _PORT_MAX:
                raise instruction.fault(f'"{text}" is not a port', word)
            if kind not in ("tcp", "udp", "sctp"):
                raise instruction.fault(f'"{text}": {kind} is not tcp, udp or sctp', word)
            for number in range(int(row[0]), int(row[1]) + 1):
                ports[f"{number}/{kind}"] = {}
    state.run["ExposedPorts"] = dict(sorted(ports.items()))


def _volume(state: "State", instruction: "Instruction") -> None:
    found = dict(state.run.get("Volumes") or {})
    for word in instruction.words:
        text = word.text if instruction.is_exec else state.word(instruction, word)
        if not text:
            raise instruction.fault("an empty path", word)
        found[posixpath.normpath(posixpath.join(state.workdir, text))] = {}
    state.run["Volumes"] = dict(sorted(found.items()))


def _user(state: "State", instruction: "Instruction") -> None:
    state.run["User"] = state.word(instruction, instruction.rest)


def _stopsignal(state: "State", instruction: "Instruction") -> None:
    text = state.word(instruction, instruction.rest)
    try:
        process_words.signal_number(text)
    except UsageError as error:
        raise instruction.fault(str(error), instruction.rest) from None
    state.run["StopSignal"] = text


def _shell(state: "State", instruction: "Instruction") -> None:
    state.run["Shell"] = [word.text for word in instruction.words]


def _onbuild(state: "State", instruction: "Instruction") -> None:
    text = instruction.rest.text
    for document in instruction.heredocs:
        text += f"\n{document.raw}{document.name}"
    state.run["OnBuild"] = [*(state.run.get("OnBuild") or []), text]


def _maintainer(state: "State", instruction: "Instruction") -> None:
    state.author = instruction.rest.text


def _healthcheck(state: "State", instruction: "Instruction") -> None:
    inner = instruction.inner
    if inner is None:
        state.run["Healthcheck"] = {"Test": ["NONE"]}
        return
    test = [word.text for word in inner.words]
    check: dict[str, object] = {
        "Test": ["CMD", *test] if inner.is_exec else ["CMD-SHELL", inner.rest.text]
    }
    for flag, key in (
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
        ("start-interval", "StartInterval"),
    ):
        text = state.flag(instruction, flag)
        if text:
            check[key] = _nanoseconds(instruction, flag, text)
    retries = state.flag(instruction, "retries")
    if retries:
        if not (retries.isascii() and retries.isdecimal() and 0 < len(retries) < 9):
            raise instruction.fault(
                f"--retries: {retries} is no number", instruction.flags["retries"][-1]
            )
        check["Retries"] = int(retries)
    state.run["Healthcheck"] = check


def _nanoseconds(instruction: "Instruction", flag: str, text: str) -> int:
    rows = _DURATION.findall(text)
    if not rows or "".join(number + unit for number, unit in rows) != text:
        word = instruction.flags[flag][-1]
        raise instruction.fault(f'--{flag} "{text}" is no duration', word, hint="30s, 1m30s, 500ms")
    return int(sum(float(number) * _UNITS_NS[unit] for number, unit in rows))


HANDLED: "dict[str, Callable[[State, Instruction], None]]" = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
}
