"""The network of a RUN step: none, the host's, or one where every download is written down."""

from typing import TYPE_CHECKING

from wardian import errors
from wardian.build.downloads import Place

if TYPE_CHECKING:
    from typing import Any

    from wardian.build.job import Job
    from wardian.build.run_mounts import Given

PORT = 3128
ADDRESS = f"http://127.0.0.1:{PORT}"  # of the proxy, in the box
_CERTIFICATE = "/.wardian-ca.crt"
_APT = "/.wardian-apt.conf"
_WGET = "/.wardian-wgetrc"
# How clients are told of the proxy, and of whom to trust.
ENV = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), ADDRESS),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
    **dict.fromkeys(
        (
            *("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT"),
            *("NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "NPM_CONFIG_CAFILE"),
        ),
        _CERTIFICATE,
    ),
    "APT_CONFIG": _APT,
    "SYSTEM_WGETRC": _WGET,
}


class Recorded:
    """A recorded network for one step."""

    def __init__(self, job: "Job", given: "Given") -> None:
        """Prepare it; the box's files and variables are added to `given`."""
        from wardian.build.authority import Authority
        from wardian.build.proxy import Proxy
        from wardian.build.recorder import Recorder

        self._lock = job.lock
        self.recorder = Recorder(job.lock, Place(job.root_dir))
        authority = Authority(job.root_dir)
        self._proxy = Proxy(self.recorder, authority)
        apt = f'Acquire::https::CAInfo "{_CERTIFICATE}";\n'
        if job.lock.is_strict or job.world.late:
            # The lock says what is right, in a year too; and a clock that stands tells nothing.
            apt += 'Acquire::Check-Date "false";\n'
        for path, data in (
            (_CERTIFICATE, authority.certificate),
            (_APT, apt.encode()),
            (_WGET, f"ca_certificate = {_CERTIFICATE}\n".encode()),
        ):
            given.files.append((path, 0o444, data))
            given.places.append(path)
        given.env.update(ENV)
        self.attend = lambda pid: self._proxy.attend(pid, PORT)

    def close(self) -> None:
        """End it."""
        self._proxy.close()

    def check(self, where: str) -> None:
        """Raise StatusError where something was refused: the step must not count then."""
        if self.recorder.faults:
            first, *more = dict.fromkeys(self.recorder.faults)
            rest = f"; and {len(more)} more" if more else ""
            raise errors.StatusError(
                f"{where}: {first}{rest}",
                hint="--update-lock takes what there is now, and writes it down",
            )

    @property
    def notes(self) -> "dict[str, Any]":
        """What was taken, for the lock and the build cache."""
        return {"downloads": dict(sorted(self.recorder.taken.items()))}


def agrees(job: "Job", notes: "dict[str, Any] | None") -> bool:
    """Say whether what a cached step took is what the lock has; it goes to a lock that is new."""
    taken = (notes or {}).get("downloads") or {}
    if job.lock.is_strict:
        return all(
            _same(row, job.lock.downloads[key])
            if key in job.lock.downloads
            else not job.lock.refuses(None)
            for key, row in taken.items()
        )
    return True


def note(job: "Job", notes: "dict[str, Any] | None") -> None:
    """Write down what a step took."""
    for key, row in ((notes or {}).get("downloads") or {}).items():
        job.lock.downloads.setdefault(key, row)
        if not job.lock.is_strict:
            job.lock.downloads[key] = row
        job.lock.use(key)


def _same(one: "dict[str, Any]", other: "dict[str, Any]") -> bool:
    return (one["status"], one["sha256"]) == (other["status"], other["sha256"])
