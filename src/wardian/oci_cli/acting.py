"""`wardian-oci start`, `kill` and `delete`: what engines call most, so nothing else is loaded."""

from wardian.errors import NotFoundError, UsageError
from wardian.oci import lifecycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.oci_cli.words import Log, Words

# signal(7), by number from 1
_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT"
    " CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
SIGNALS = {name: number for number, name in enumerate(_NAMES.split(), 1)}
SIGNALS.update(IOT=6, POLL=29, CLD=17)
HIGHEST_SIGNAL = 64


def start(words: "Words", _log: "Log") -> int:
    """Execute the program of a created container."""
    with words.load() as found:
        found.lock()
        lifecycle.start(found)
    return 0


def kill(words: "Words", _log: "Log") -> int:
    """Send a signal."""
    number = _signal(words.words[1] if len(words.words) > 1 else "TERM")
    with words.load() as found:
        lifecycle.kill(found, number, everyone=words.flag("all"))
    return 0


def _signal(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 <= int(text) <= HIGHEST_SIGNAL:
        return int(text)
    word = text.upper().removeprefix("SIG")
    if word.startswith(("RTMIN+", "RTMAX-")) and word[6:].isdigit():
        number = 34 + int(word[6:]) if word[3:6] == "MIN" else HIGHEST_SIGNAL - int(word[6:])
        if 34 <= number <= HIGHEST_SIGNAL:
            return number
    if word not in SIGNALS:
        raise UsageError(f'unknown signal "{text}"')
    return SIGNALS[word]


def delete(words: "Words", log: "Log") -> int:
    """Forget a container."""
    force = words.flag("force")
    try:
        found = words.load()
    except NotFoundError:
        if force:
            return 0
        raise
    with found:
        found.lock()
        for text in lifecycle.delete(found, force=force):
            log.error(text, "warning")
    return 0
