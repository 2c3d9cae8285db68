"""A program in a box from Python: results, streams, threads, asyncio."""

import asyncio
import contextlib
import os
import threading

import pytest

import wardian

pytestmark = pytest.mark.root


def test_a_run_gives_output_exit_code_and_hash() -> None:
    result = wardian.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (result.exit_code, result.signal) == (7, None)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
    assert len(result.plan_hash) == 64


def test_a_signal_is_told_apart_from_an_exit_code() -> None:
    killed = wardian.run(["sh", "-c", "kill -KILL $$"])
    assert (killed.exit_code, killed.signal) == (137, 9)
    pretended = wardian.run(["sh", "-c", "exit 137"])
    assert (pretended.exit_code, pretended.signal) == (137, None)


def test_equal_runs_have_equal_hashes_and_others_not() -> None:
    one, two = wardian.run(["true"]), wardian.run(["true"])
    assert one.plan_hash == two.plan_hash
    assert wardian.run(["true"], hostname="other").plan_hash != one.plan_hash


def test_input_is_fed_and_ends() -> None:
    data = os.urandom(3 << 20)
    result = wardian.run(["sh", "-c", "wc -c; echo done"], input=data)
    assert result.stdout.split() == [b"3145728", b"done"]


def test_much_output_on_both_streams_does_not_block() -> None:
    script = """
    i=0
    while [ $i -lt 3000 ]; do echo $i-xxxxxxxxxxxxxxxxxxxxx; echo e$i >&2; i=$((i+1)); done
    """
    result = wardian.run(["sh", "-c", script])
    assert len(result.stdout.splitlines()) == len(result.stderr.splitlines()) == 3000


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert wardian.run(["true"], input=b"x" * (1 << 20)).exit_code == 0


def test_streams_come_while_the_program_runs() -> None:
    container = wardian.Container(["sh", "-c", "echo one; read line; echo two $line"])
    container.start(stdin=wardian.PIPE, stdout=wardian.PIPE, stderr=wardian.DEVNULL)
    pieces = container.stream()
    assert next(pieces) == ("stdout", b"one\n")
    container.write(b"more\n")
    assert next(pieces) == ("stdout", b"two more\n")
    assert list(pieces) == []
    assert container.wait().exit_code == 0


def test_kill_ends_the_whole_box() -> None:
    container = wardian.Container(["sleep", "1000"])
    container.start()
    container.kill()
    result = container.wait()
    assert (result.exit_code, result.signal) == (137, 9)
    with pytest.raises(ProcessLookupError):
        os.kill(container.pid, 0)


def test_stop_asks_first_and_kills_after_the_deadline() -> None:
    polite = wardian.Container(
        ["sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"]
    )
    polite.start(stdout=wardian.PIPE)
    assert next(polite.stream()) == ("stdout", b"up\n")
    assert polite.stop().exit_code == 3

    deaf = wardian.Container(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"])
    deaf.start(stdout=wardian.PIPE)
    assert next(deaf.stream()) == ("stdout", b"up\n")
    assert deaf.stop(timeout=0.2).signal == 9
    assert any("ignores signal 15" in line for line in deaf.warnings)


def test_a_timeout_ends_the_box_with_124() -> None:
    result = wardian.run(["sleep", "1000"], timeout="0.2", stop_timeout="1")
    assert (result.exit_code, result.timed_out) == (124, True)


def test_wait_can_be_limited_and_goes_on() -> None:
    with wardian.Container(["sleep", "1000"]) as container:
        container.start()
        with pytest.raises(TimeoutError):
            container.wait(timeout=0.05)
        container.kill()
        assert container.wait(timeout=30).signal == 9


def test_a_missing_program_raises_with_docker_s_code() -> None:
    with pytest.raises(wardian.LaunchError, match="no-such-program") as caught:
        wardian.run(["no-such-program"])
    assert caught.value.exit_code == 127
    with pytest.raises(wardian.LaunchError) as caught:
        wardian.run(["/etc/passwd"])
    assert caught.value.exit_code == 126


def test_two_hundred_boxes_from_sixteen_threads_all_finish_right() -> None:
    wanted = [b"%d\n" % number for number in range(200)]
    got: list[bytes] = [b""] * 200

    def work(first: int) -> None:
        for number in range(first, 200, 16):
            got[number] = wardian.run(["echo", str(number)]).stdout

    threads = [threading.Thread(target=work, args=(first,)) for first in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == wanted


def test_asyncio_runs_many_at_once() -> None:
    async def main() -> list[wardian.Result]:
        return await asyncio.gather(*(wardian.arun(["echo", str(n)]) for n in range(40)))

    results = asyncio.run(main())
    assert [result.stdout for result in results] == [b"%d\n" % n for n in range(40)]


def test_asyncio_feeds_input_and_keeps_the_deadline() -> None:
    async def main() -> tuple[wardian.Result, wardian.Result]:
        fed = wardian.arun(["wc", "-c"], input=b"x" * 1_000_000)
        late = wardian.arun(["sleep", "1000"], timeout="0.2")
        return await fed, await late

    fed, late = asyncio.run(main())
    assert fed.stdout.strip() == b"1000000"
    assert late.exit_code == 124


def test_a_cancelled_call_kills_its_box() -> None:
    seconds = str(100_000_000 + os.getpid())  # nobody else sleeps as long

    async def main() -> None:
        task = asyncio.create_task(wardian.arun(["sleep", seconds], hostname="cancelled"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not boxes_running(f"sleep\x00{seconds}")


def boxes_running(command: str) -> list[int]:
    """Pids of processes with this command line."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8") as file:
                    if file.read().rstrip("\0") == command:
                        found.append(int(entry))
            except OSError:
                continue
    return found


def test_a_forked_child_gets_a_launcher_of_its_own() -> None:
    import multiprocessing

    assert wardian.run(["true"]).exit_code == 0
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        assert pool.map(_echo, range(4)) == [b"0\n", b"1\n", b"2\n", b"3\n"]
    assert wardian.run(["true"]).exit_code == 0


def _echo(number: int) -> bytes:
    return wardian.run(["echo", str(number)]).stdout


def test_no_descriptor_is_left_open() -> None:
    wardian.run(["true"])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        wardian.run(["sh", "-c", "cat; echo x >&2"], input=b"abc")
        with pytest.raises(wardian.LaunchError):
            wardian.run(["no-such-program"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_each_box_has_a_network_of_its_own() -> None:
    wardian.run(["true"])
    wardian.run(["true"])  # from the second on, the launcher has one ready
    boxes = [wardian.Container(["sleep", "1000"]) for _ in range(4)]
    for box in boxes:
        box.start()
    seen = {os.readlink(f"/proc/{box.pid}/ns/net") for box in boxes}
    for box in boxes:
        box.kill()
        box.wait()
    assert len(seen | {os.readlink("/proc/self/ns/net")}) == 5


def test_signals_have_their_defaults() -> None:
    """Python ignores SIGPIPE and SIGXFSZ; a program that inherited that would never end."""
    assert wardian.run(["grep", "SigIgn", "/proc/self/status"]).stdout.split()[1] == b"0" * 16
    result = wardian.run(["sh", "-c", "yes | head -n 1; exit 0"], timeout=20)
    assert (result.stdout, result.stderr) == (b"y\n", b"")


def test_the_terminal_has_its_size_from_the_first_moment() -> None:
    container = wardian.Container(["stty", "size"], tty=True)
    container.start(window=(33, 77))
    text = b""
    with contextlib.suppress(OSError):  # EIO: the box's side is closed
        while data := os.read(container.terminal, 100):
            text += data
    os.close(container.terminal)
    assert container.wait().exit_code == 0
    assert text.split() == [b"33", b"77"]


def test_a_month_is_a_timeout_too() -> None:
    assert wardian.run(["true"], timeout="720h").exit_code == 0
