"""Needs root, or a control group of yours: call functions that nobody vouches for."""

import wardian


def primes(limit: int) -> list[int]:
    """Return the primes below a number."""
    return [n for n in range(2, limit) if all(n % by for by in range(2, int(n**0.5) + 1))]


def read_secrets() -> str:
    """Look for what is not there."""
    with open("/etc/shadow", encoding="utf-8") as file:
        return file.read()


def call_home() -> None:
    """Try the network."""
    import socket

    socket.create_connection(("192.0.2.1", 80), 1)


def never_end() -> None:
    """Use all the time there is."""
    while True:
        pass


if __name__ == "__main__":
    with wardian.SandboxExecutor(limits={"cpu": "1s", "memory": "64m"}) as boxes:
        print(boxes.submit(primes, 30).result())
        for function in (read_secrets, call_home, never_end):
            try:
                print(boxes.submit(function).result())
            except wardian.ProgramError as error:
                print(f"{function.__name__:13} {error}")
