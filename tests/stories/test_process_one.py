"""Init: process 1 forwards signals, reaps orphans, and exits with the program's status."""

import os

import pytest

import wardian

pytestmark = pytest.mark.root


def test_init_is_process_one_and_small() -> None:
    container = wardian.Container(["sh", "-c", "echo up; read line"])
    container.start(stdin=wardian.PIPE, stdout=wardian.PIPE)
    assert next(container.stream()) == ("stdout", b"up\n")
    with open(f"/proc/{container.pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    assert fields["Name"] == "wardian-init"
    assert int(fields["VmRSS"].split()[0]) <= 1024
    assert fields["NoNewPrivs"] == "1"
    assert fields["CapEff"] == fields["CapPrm"] == "0000000000000020", "CAP_KILL alone"
    assert len(os.listdir(f"/proc/{container.pid}/fd")) == 1, "its channel alone"
    container.close_stdin()
    container.wait()


def test_orphans_are_reaped() -> None:
    script = """
    for i in 1 2 3 4 5; do (sleep 0.05 & ) ; done
    while cat /proc/[0-9]*/comm 2>/dev/null | grep -q '^sleep$'; do :; done
    echo "none is left, dead or alive"
    """
    result = wardian.run(["sh", "-c", script], timeout=60)
    assert (result.stdout, result.exit_code) == (b"none is left, dead or alive\n", 0)


@pytest.mark.parametrize(("signal", "name"), [(1, "HUP"), (2, "INT"), (10, "USR1"), (15, "TERM")])
def test_signals_are_forwarded_to_the_program(signal: int, name: str) -> None:
    script = f"trap 'echo got; exit 5' {name}; echo up; while :; do sleep 0.02; done"
    container = wardian.Container(["sh", "-c", script])
    container.start(stdout=wardian.PIPE)
    pieces = container.stream()
    assert next(pieces) == ("stdout", b"up\n")
    container.kill(signal)
    assert next(pieces) == ("stdout", b"got\n")
    assert container.wait().exit_code == 5


def test_an_unhandled_signal_ends_the_program_as_anywhere() -> None:
    container = wardian.Container(["sleep", "1000"])
    container.start()
    container.kill(15)
    assert (container.wait().signal, container.wait().exit_code) == (15, 143)


def test_when_the_program_ends_the_rest_of_the_box_ends() -> None:
    container = wardian.Container(["sh", "-c", "setsid sleep 1000 & echo $!; exit 0"])
    container.start(stdout=wardian.PIPE)
    assert container.communicate().exit_code == 0


def test_without_init_the_program_is_process_one() -> None:
    assert wardian.run(["sh", "-c", "echo $$"], init=False).stdout == b"1\n"
    assert wardian.run(["sh", "-c", "echo $$"]).stdout != b"1\n"


def test_without_init_a_missing_handler_is_warned_about() -> None:
    container = wardian.Container(["sleep", "1000"], init=False)
    container.start()
    assert container.stop(timeout=0.1).signal == 9
    assert any("no handler for signal 15" in line for line in container.warnings)


def test_process_one_can_t_be_looked_into_or_killed_from_inside() -> None:
    script = """
    readlink /proc/1/exe || echo refused; cat /proc/1/environ || echo refused
    kill -9 1; echo alive
    """
    result = wardian.run(["sh", "-c", script])
    assert result.stdout.splitlines() == [b"refused", b"refused", b"alive"]
