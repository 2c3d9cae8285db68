"""start, kill and delete a container, as the OCI runtime specification has them.

    start    run hooks; connect to the socket on which it waits; hear whether it executed
    kill     send a signal
    delete   end what is left; remove control groups; run hooks; forget

oci/creation.py has `create`.

Source: opencontainers/runtime-spec, runtime.md "Lifecycle".
Kernel: unix(7), pidfd_send_signal(2).
"""

import os

from wardian import errors
from wardian.kernel import processes
from wardian.oci import ending
from wardian.oci.state import CREATED, PAUSED, RUNNING, STOPPED, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# ---- start --------------------------------------------------------------------------------


def start(found: State) -> None:
    """Execute the program of a container that was created.

    Args:
        found: locked.

    Raises:
        StatusError: it was started before.
        LaunchError: it could not be executed.
    """
    try:
        _check(found, found.take_answer())
    except errors.WardianError:
        _stop_after(found)
        raise
    status = found.status
    if status != CREATED:
        if status in (RUNNING, PAUSED):
            raise errors.StatusError("cannot start an already running container")
        raise errors.StatusError(f"cannot start a container that has stopped ({status})")
    proceed(found)


def proceed(found: State) -> None:
    """Execute the program of a container of which is known that it waits for that.

    Raises:
        LaunchError: it could not be executed.
    """
    rows = found.config.get("hooks", {})
    if "process" not in found.config:
        raise errors.SpecError("the program to run is not given", where="process")
    try:
        if rows.get("startContainer"):
            document = found.document(CREATED)
            from wardian.oci import hooks

            hooks.run_inside("startContainer", rows["startContainer"], document, host_root=False)
        _release(found)
    except BaseException:
        _stop_after(found)
        raise
    if rows.get("poststart"):
        from wardian.oci import hooks

        try:
            hooks.run("poststart", rows["poststart"], found.document(RUNNING))
        except errors.HostError:
            _stop_after(found)
            raise


def _stop_after(found: State) -> None:
    """A hook or the program failed: the container stops, and its poststop hooks run (step 12)."""
    ending.end(found)
    _poststop(found, found.document(STOPPED))


def _poststop(found: State, document: "dict[str, Any]") -> "list[str]":
    rows = found.config.get("hooks", {}).get("poststop", [])
    if not rows:
        return []
    from wardian.oci import hooks

    return hooks.run_each("poststop", rows, document)


def _release(found: State) -> None:
    import _socket

    from wardian.runtime.messages import DESCRIPTOR, FAILURE, MESSAGE

    place = found.socket
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    here = os.open(found.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{here}/{os.path.basename(place)}")
        while True:
            data, ancillary, _flags, _address = connection.recvmsg(FAILURE.size, 64)
            if len(data) != MESSAGE.size:
                break
            for _level, _kind, packed in ancillary:
                from wardian.oci import listener

                fd = DESCRIPTOR.unpack_from(packed)[0]
                listener.hand_over(found, fd, pid=found.pid, status=CREATED)
    except OSError as error:
        if not found.is_alive:
            raise errors.StatusError("cannot start a container that has stopped") from None
        raise errors.KernelError("connect to the container", error.errno or 0) from None
    finally:
        connection.close()
        os.close(here)
    _check(found, data)
    os.unlink(place)


def _check(found: State, answer: bytes) -> None:
    """Raise what the first process answers instead of executing the program."""
    from wardian.runtime.messages import FAILURE

    if len(answer) == FAILURE.size:
        _index, number, detail = FAILURE.unpack(answer)
        from wardian.runtime import failure

        raise failure.of_start(found.config, number, detail.partition(b"\0")[0].decode())


# ---- kill and delete ----------------------------------------------------------------------


def kill(found: State, signal: int, *, everyone: bool = False) -> None:
    """Send a signal to the first process, or to all processes of the container.

    Raises:
        StatusError: the container does not run.
    """
    group = found.place()
    if everyone and group is not None:
        from wardian.kernel import cgroup_files

        if signal == processes.SIGKILL:
            group.kill()
        else:  # all hierarchies hold the same processes
            cgroup_files.signal_all(next(iter(group.groups.values())), signal)
        return
    if found.status == STOPPED:
        raise errors.StatusError("container not running")
    try:
        pidfd = os.pidfd_open(found.pid)
    except ProcessLookupError:
        raise errors.StatusError("container not running") from None
    try:
        if not found.is_alive or not processes.send_signal(pidfd, signal):
            raise errors.StatusError("container not running")
        if signal == processes.SIGKILL and group is not None and group.is_frozen:
            group.thaw()
    finally:
        os.close(pidfd)


def delete(found: State, *, force: bool = False) -> "list[str]":
    """End a container where that is asked for, and forget it; returns warnings.

    Args:
        found: locked.
        force: also one that runs.

    Raises:
        StatusError: it runs.
    """
    status = found.status
    if not force and status != STOPPED:
        raise errors.StatusError(
            f'cannot delete container "{found.id}" that is not stopped: {status}'
        )
    document = found.document(STOPPED)
    ending.end(found)
    ending.remove(found)
    return _poststop(found, document)
