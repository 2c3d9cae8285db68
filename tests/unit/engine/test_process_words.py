"""Environment, strings, signals, clocks and kernel settings, as docker has them."""

import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.engine import process_words
from wardian.errors import NotFoundError, UsageError


def test_the_last_of_a_name_counts_and_a_name_alone_is_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OURS", "mine")
    monkeypatch.delenv("NOBODY_S", raising=False)
    given_ = ["A=1", "OURS", "B=x=y", "NOBODY_S", "A=2", "EMPTY="]
    assert process_words.environment(given_, []) == ["OURS=mine", "B=x=y", "A=2", "EMPTY="]
    assert process_words.environment({"A": "1", "OURS": None, "N": 5}, []) == [
        "A=1",
        "OURS=mine",
        "N=5",
    ]
    assert process_words.environment("A=1", []) == ["A=1"]
    assert process_words.environment(None, []) == []


def test_an_environment_file_is_docker_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "mine")
    path = tmp_path / "env"
    text = b"\xef\xbb\xbfA=1\n# no\n\n  B= two words \r\nOURS\nC=\xff\nU=a\xe2\x80\xa8b\nA=2"
    path.write_bytes(text)
    assert process_words.environment(["B=3"], [str(path)]) == [
        "OURS=mine",
        "C=\udcff",
        "U=a\u2028b",
        "A=2",
        "B=3",
    ]


@pytest.mark.parametrize("line", ["=x", "A B=1", "A =1"])
def test_a_line_without_a_name_is_told(line: str, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text(f"OK=1\n{line}\n")
    with pytest.raises(UsageError, match="line 2"):
        process_words.environment(None, [str(path)])


def test_an_environment_file_must_be_there_and_have_an_end(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such file"):
        process_words.environment(None, [str(tmp_path / "none")])
    with pytest.raises(NotFoundError, match="is a directory"):
        process_words.environment(None, [str(tmp_path)])
    with pytest.raises(UsageError, match="/dev/zero"):
        process_words.environment(None, ["/dev/zero"])


def test_a_name_is_needed() -> None:
    with pytest.raises(UsageError, match="no name"):
        process_words.environment(["=1"], [])


NAMES = st.text("AB_", min_size=1, max_size=3)


@given(st.lists(st.tuples(NAMES, st.text("x=\n ", max_size=3)), max_size=8))
def test_an_environment_is_a_mapping(pairs: list[tuple[str, str]]) -> None:
    lines = process_words.environment([f"{name}={text}" for name, text in pairs], [])
    assert {line.split("=", 1)[0]: line.split("=", 1)[1] for line in lines} == dict(pairs)
    assert len(lines) == len(dict(pairs))


def test_a_large_environment_is_named() -> None:
    with pytest.raises(UsageError, match=r'variable "BIG" has 10000005 bytes.* 131072') as found:
        process_words.check_size(["true"], ["BIG=" + "x" * 10_000_000])
    assert found.value.hint
    many = [f"V{number}={'x' * 100_000}" for number in range(100)]
    with pytest.raises(UsageError, match=r'101 arguments and variables have .* "V10"'):
        process_words.check_size(["true"], many)


@pytest.mark.parametrize(
    ("command", "env", "name"),
    [(["true", "a\0b"], [], 'argument "a'), (["true"], ["NAME=a\0b"], 'variable "NAME"')],
)
def test_a_nul_byte_is_named(command: list[str], env: list[str], name: str) -> None:
    with pytest.raises(UsageError, match=f"{name}.* NUL"):
        process_words.check_size(command, env)


@pytest.mark.parametrize(
    ("word", "number"),
    [("SIGRTMIN", 34), ("RTMIN+3", 37), ("rtmin+30", 64), ("SIGRTMAX", 64), ("RTMAX-30", 34)],
)
def test_real_time_signals_are_counted_from_either_end(word: str, number: int) -> None:
    assert process_words.signal_number(word) == number


def test_signals_have_the_numbers_of_this_machine() -> None:
    for number, name in enumerate(process_words.SIGNALS, 1):
        known = getattr(signal, f"SIG{name}", None)
        assert known is None or known == number, name
        for word in (name, f"SIG{name}", name.lower(), str(number), number):
            assert process_words.signal_number(word) == number


@pytest.mark.parametrize(
    "word",
    ["", "SIG", "FOO", "0", "65", "-9", "1.5", "٣", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+"],
)
def test_what_is_no_signal_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="stop-signal"):
        process_words.signal_number(word)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("net.core.somaxconn=5", ("net.core.somaxconn", "5")),
        ("net/ipv4/ip_forward=1", ("net.ipv4.ip_forward", "1")),
        ("kernel.sem=1 2 3 4", ("kernel.sem", "1 2 3 4")),
        ("fs.mqueue.msg_max=7", ("fs.mqueue.msg_max", "7")),
        ("kernel.msgmax=", ("kernel.msgmax", "")),
    ],
)
def test_a_setting_of_a_namespace_is_taken(text: str, pair: tuple[str, str]) -> None:
    assert process_words.sysctl(text, own_network=True) == pair


@pytest.mark.parametrize(
    "text",
    [
        "kernel.panic=1",
        "vm.swappiness=1",
        "fs.file-max=1",
        "kernel.core_pattern=|/bin/sh",
        "kernel.hostname=x",
        "kernel.semx=1",
        "net=1",
        "net.=1",
        "net..x=1",
        "net.../../kernel/panic=1",
        "net/../kernel/panic=1",
        "../../tmp/x=1",
        "net.core.somaxconn",
        "=1",
    ],
)
def test_a_setting_of_the_machine_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="sysctl"):
        process_words.sysctl(text, own_network=True)


def test_the_host_s_network_is_not_set() -> None:
    with pytest.raises(UsageError, match="the host's"):
        process_words.sysctl("net.core.somaxconn=5", own_network=False)
    process_words.sysctl("kernel.msgmax=5", own_network=False)


@given(st.text("net.ipv4/_-=x", max_size=20))
def test_a_setting_s_name_can_t_leave_its_directory(text: str) -> None:
    try:
        name, _setting = process_words.sysctl(text, own_network=True)
    except UsageError:
        return
    path = "/" + name.replace(".", "/")
    assert path.startswith(("/net/", "/fs/mqueue/", "/kernel/"))
    assert "//" not in path
    assert "/../" not in path


@pytest.mark.parametrize(("text", "pair"), [("boottime=60", 60), ("monotonic=-5", -5)])
def test_a_clock_is_shifted(text: str, pair: int) -> None:
    assert process_words.time_offset(text) == (text.partition("=")[0], pair)


@pytest.mark.parametrize("text", ["", "boottime", "boottime=", "boottime=--5", "realtime=1"])
def test_what_is_no_shift_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="time-offset"):
        process_words.time_offset(text)


def test_a_umask_is_octal() -> None:
    assert process_words.umask("077") == 0o077
    for wrong in ("", "9", "0x1", "-1", "1777", "77777"):
        with pytest.raises(UsageError, match="not an octal number"):
            process_words.umask(wrong)


def test_personalities_add_up_and_linux_is_none_of_them() -> None:
    assert process_words.personality(["uname26", "no-aslr"]) == 0x60000
    assert process_words.personality(["linux"]) == 0
    with pytest.raises(UsageError, match='personality "bsd"'):
        process_words.personality(["bsd"])


def test_an_affinity_names_processors_that_are_there() -> None:
    assert process_words.affinity("") == ""
    assert process_words.affinity("0") == "0"
    for wrong in ("x", "99999"):
        with pytest.raises(UsageError, match="affinity"):
            process_words.affinity(wrong)
