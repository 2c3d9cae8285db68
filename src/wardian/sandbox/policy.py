"""What a sandboxed program may ask of the kernel: named policies, TOML files, docker's profiles."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """An allow-list of system calls, with three answers: allow, a quiet errno, violation.

    Attributes:
        name: for people.
        mode: what a violation leads to: "kill", "freeze" or "errno".
    """

    name: str
    mode: str = "kill"
