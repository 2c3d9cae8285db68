"""Which error ends with which code; docs/exit-codes.md is for people.

the program's own code; 128 + n where signal n ended it
124   --timeout was over
125   a wrong option or value in any command; whatever fails in `run`, `explain` and `repro`
126   the program can't be executed
127   the program is not there
1     any other command could not do what was asked
"""

from wardian.errors import LaunchError, NotFoundError, UsageError

FAILED = 1
OWN_FAILURE = 125
NOT_FOUND = 127
TIMED_OUT = 124
INTERRUPTED = 130  # SIGINT, as a shell counts
BROKEN_PIPE = 141  # SIGPIPE
KILLED = 137  # SIGKILL: a sandbox's limit
VIOLATION = 159  # SIGSYS: a sandbox's policy

RUNNERS = ("run", "explain", "sandbox", "repro")  # the codes below 125 are an answer


def code_of(error: Exception, command: str) -> int:
    """Return the code for an error in a command."""
    if isinstance(error, LaunchError):
        return error.exit_code
    if isinstance(error, NotFoundError) and error.program:
        return NOT_FOUND
    if isinstance(error, UsageError) or command in RUNNERS:
        return OWN_FAILURE
    return FAILED
