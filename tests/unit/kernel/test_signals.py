"""Signals are heard as bytes, and nothing of it stays."""

import os
import signal

from wardian.kernel import signals


def test_a_signal_is_heard_and_does_nothing_else() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals.Bell() as bell:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert sorted(bell.heard()) == [signal.SIGUSR1, signal.SIGTERM]
        assert bell.heard() == b""
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.Bell() as bell:
            os.kill(os.getpid(), signal.SIGHUP)
            assert bell.heard() == b""
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_faults_stops_and_children_are_not_passed_on() -> None:
    kept = {"SIGKILL", "SIGSTOP", "SIGCHLD", "SIGPIPE", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"}
    kept |= {"SIGABRT", "SIGTRAP", "SIGSYS", "SIGTSTP", "SIGCONT", "SIGTTIN", "SIGTTOU", "SIGURG"}
    assert not {getattr(signal, name) for name in kept} & set(signals.FORWARDED)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
        assert getattr(signal, name) in signals.FORWARDED
