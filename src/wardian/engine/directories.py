"""Where wardian keeps things: what lasts, and what goes with the boot.

    what lasts           $WARDIAN_ROOT   /var/lib/wardian or $XDG_DATA_HOME/wardian
    what a boot ends     $WARDIAN_STATE  /run/wardian or $XDG_RUNTIME_DIR/wardian

A directory is made on demand, for its owner alone. One that belongs to somebody else, or that
others may write to, is refused: whoever can change a base can change what runs in the boxes.

Kernel: mkdir(2), stat(2), file-hierarchy(7).
"""

import os
from stat import S_ISDIR

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_ROOT = "/var/lib/wardian"
SYSTEM_STATE = "/run/wardian"


def root(environ: "Mapping[str, str] | None" = None) -> str:
    """Return the directory of things that last: bases, layers, caches.

    Raises:
        UsageError: WARDIAN_ROOT is no absolute path.
        HostError: it can't be made, or belongs to somebody else.
    """
    env = os.environ if environ is None else environ
    named = _named(env, "WARDIAN_ROOT")
    if named:
        return _private(named, variable="WARDIAN_ROOT")
    if os.geteuid() == 0:
        return _private(SYSTEM_ROOT, variable="WARDIAN_ROOT")
    data = env.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):  # the XDG specification: a relative path is ignored
        home = env.get("HOME", "")
        if not home.startswith("/"):
            raise errors.HostError(
                "there is no place to keep things: HOME is not set",
                hint="set HOME, XDG_DATA_HOME or WARDIAN_ROOT to a directory of yours",
            )
        data = f"{home}/.local/share"
    return _private(f"{data}/wardian", variable="WARDIAN_ROOT")


def state(environ: "Mapping[str, str] | None" = None) -> str:
    """Return the directory of the running boxes' state: locks and names that a reboot ends.

    Raises:
        UsageError: WARDIAN_STATE is no absolute path.
        HostError: it can't be made, or belongs to somebody else.
    """
    return _private(state_path(environ), variable="WARDIAN_STATE")


def state_path(environ: "Mapping[str, str] | None" = None) -> str:
    """Return where `state` is, whether or not it is there; a name to look at, not to trust.

    Raises:
        UsageError: WARDIAN_STATE is no absolute path.
    """
    env = os.environ if environ is None else environ
    named = _named(env, "WARDIAN_STATE")
    if named:
        return named
    uid = os.geteuid()
    if uid == 0:
        return SYSTEM_STATE
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return f"{runtime}/wardian"
    # Without a login session. Anyone can make this name first; _private then refuses it.
    return f"/tmp/wardian-{uid}"  # noqa: S108 - see above


def cache(environ: "Mapping[str, str] | None" = None) -> str:
    """Return the directory of what can be made again, below `root`."""
    path = f"{root(environ)}/cache"
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise errors.KernelError(f'mkdir("{path}")', error.errno or 0) from None
    return path


def _named(env: "Mapping[str, str]", variable: str) -> str:
    path = env.get(variable, "")
    if path and not path.startswith("/"):
        raise errors.UsageError(f'{variable}="{path}" is not an absolute path')
    return path.rstrip("/") or path


def _private(path: str, *, variable: str) -> str:
    """Return `path`, made if it lacks, after a look at who can change it."""
    hint = f"set {variable} to a directory of yours"
    try:
        # lstat: a link that somebody put under our name in /tmp must not lead us elsewhere.
        found = os.lstat(path)
    except FileNotFoundError:
        found = _make(path, hint)
    except OSError as error:
        raise _failed(f'stat("{path}")', error, hint) from None
    if not S_ISDIR(found.st_mode):
        raise errors.HostError(f'"{path}" is not a directory', hint=hint)
    if found.st_uid != os.geteuid():
        raise errors.HostError(
            f'"{path}" belongs to uid {found.st_uid}, not to you (uid {os.geteuid()})', hint=hint
        )
    if found.st_mode & 0o022:
        raise errors.HostError(
            f'"{path}" can be written to by others (mode {found.st_mode & 0o7777:04o})',
            hint=f"chmod go-w {path}",
        )
    return path


def _make(path: str, hint: str) -> os.stat_result:
    try:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass  # another process was faster
        return os.lstat(path)
    except OSError as error:
        raise _failed(f'mkdir("{path}")', error, hint) from None


def _failed(call: str, error: OSError, hint: str) -> errors.KernelError:
    return errors.KernelError(call, error.errno or 0, hint=hint)
