"""Certificates that the recording proxy shows to a box, so that it can see what comes by https.

    WARDIAN_ROOT/cache/build/authority/   our authority's key and certificate, and one for each host

The authority is made on this machine, for this user, and trusted only in RUN steps with a recorded
network. Its certificates are valid at any time, since a step's clock may be another.

Source: openssl-ca(1).
"""

import fcntl
import os
import ssl
import subprocess

from wardian.errors import HostError, UnsupportedError

_SETTINGS = """
[ca]
default_ca = ours
[ours]
new_certs_dir = {folder}/issued
database = {folder}/database
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = {name}
"""
_START, _END = "19700102000000Z", "20991231000000Z"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-:_")


class Authority:
    """Makes certificates."""

    def __init__(self, root_dir: str) -> None:
        """Make the authority, if there is none yet.

        Raises:
            UnsupportedError: openssl is not installed.
        """
        self._folder = f"{root_dir}/cache/build/authority"
        os.makedirs(f"{self._folder}/issued", 0o700, exist_ok=True)
        self._contexts: dict[str, ssl.SSLContext] = {}
        with self._locked():
            if not os.path.exists(self._path("root.pem")):
                self._make("root", "wardian build", "")

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _locked(self) -> "_Lock":
        return _Lock(self._path("lock"))

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, in PEM."""
        with open(self._path("root.pem"), "rb") as file:
            return file.read()

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a server needs that is that host."""
        name = host.lower().strip("[]")
        if not name or not _LETTERS.issuperset(name) or len(name) > 253:
            raise HostError(f'"{host[:80]}" is no name of a host')
        if name not in self._contexts:
            with self._locked():
                if not os.path.exists(self._path(f"host-{name}.pem")):
                    is_address = ":" in name or name.replace(".", "").isdecimal()
                    self._make(f"host-{name}", name[:64], f"{'IP' if is_address else 'DNS'}:{name}")
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(self._path(f"host-{name}.pem"), self._path(f"host-{name}.key"))
            made.set_alpn_protocols(["http/1.1"])
            self._contexts[name] = made
        return self._contexts[name]

    def _make(self, file: str, subject: str, name: str) -> None:
        settings = _SETTINGS.format(folder=self._folder, name=name or "DNS:wardian")
        paths = {kind: self._path(f"{file}.{kind}") for kind in ("cnf", "key", "csr", "new", "pem")}
        with open(paths["cnf"], "w", encoding="utf-8") as sink:
            sink.write(settings)
        open(self._path("database"), "ab").close()
        key = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self._openssl(*key, "-out", paths["key"])
        asked = ["req", "-new", "-key", paths["key"], "-out", paths["csr"]]
        self._openssl(*asked, "-subj", f"/CN={subject}", "-config", paths["cnf"])
        sign = ["ca", "-batch", "-notext", "-config", paths["cnf"], "-in", paths["csr"]]
        sign += ["-out", paths["new"], "-startdate", _START, "-enddate", _END]
        if name:
            sign += ["-extensions", "leaf", "-cert", self._path("root.pem")]
            sign += ["-keyfile", self._path("root.key")]
        else:
            sign += ["-extensions", "root", "-selfsign", "-keyfile", paths["key"]]
        self._openssl(*sign)
        os.rename(paths["new"], paths["pem"])  # it is there as a whole or not at all
        for kind in ("cnf", "csr"):
            os.unlink(paths[kind])

    def _openssl(self, *words: str) -> None:
        try:
            done = subprocess.run(
                ("openssl", *words), capture_output=True, check=False, umask=0o077
            )
        except FileNotFoundError:
            raise UnsupportedError(
                "recording what comes by https needs openssl",
                feature="recorded network",
                hint="apt-get install openssl",
            ) from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise HostError(f"openssl {words[0]}: {said[-1] if said else done.returncode}")


class _Lock:
    """A lock file, held in a `with`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)
