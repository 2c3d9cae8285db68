"""The skeleton shows of the host's /etc what programs need, and nothing of its people."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.engine import hostbase, skeleton

PASSWD = b"""root:$6$hash:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
alice:x:1000:1000:Alice:/home/alice:/bin/bash
+@netgroup::::::
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = b"root:x:0:alice\ndaemon:!:1:daemon,alice\nalice:x:1000:\nnogroup:x:65534:\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A merged-usr machine with secrets in its /etc."""
    top = tmp_path / "host"
    for path in ("usr/bin", "usr/lib", "lib32", "etc/ssl/certs", "etc/ssl/private", "etc/perl/x"):
        (top / path).mkdir(parents=True)
    (top / "bin").symlink_to("usr/bin")
    (top / "lib").symlink_to("usr/lib")
    for path, data, mode in (
        ("passwd", PASSWD, 0o644),
        ("group", GROUP, 0o644),
        ("shadow", b"root:$6$secret", 0o640),
        ("profile", b"umask 022\n", 0o644),
        ("inputrc", b"secret of root", 0o600),
        ("ssl/certs/ca.pem", b"-----BEGIN CERTIFICATE-----", 0o644),
        ("ssl/certs/both.pem", b"-----BEGIN RSA PRIVATE KEY-----", 0o644),
        ("ssl/private/key.pem", b"-----BEGIN PRIVATE KEY-----", 0o644),
        ("ssl/openssl.cnf", b"cnf", 0o644),
        ("perl/x/conf", b"deep", 0o755),
        ("ld.so.cache", b"cache", 0o644),
        ("hostname", b"secret-host", 0o644),
        ("machine-id", b"4242", 0o444),
        ("npmrc", b"token", 0o644),
        ("python3.99", b"a file where a directory is usual", 0o644),
    ):
        (top / "etc" / path).write_bytes(data)
        (top / "etc" / path).chmod(mode)
    links = {
        "alternatives/awk": "/usr/bin/mawk",
        "alternatives/chrome": "/opt/google/chrome",
        "localtime": "../usr/share/zoneinfo/UTC",
        "timezone": "../../root/secret",
        "ssl/certs/hash.0": "ca.pem",
        "ssl/cert.pem": "/home/alice/cert.pem",
    }
    (top / "etc/alternatives").mkdir()
    for path, target in links.items():
        (top / "etc" / path).symlink_to(target)
    os.mkfifo(top / "etc/magic")
    (top / "etc/fonts").mkdir(mode=0o700)
    (top / "etc/fonts/fonts.conf").write_bytes(b"closed")
    return top


@pytest.fixture
def made(host: Path, tmp_path: Path) -> Path:
    old = os.umask(0o077)
    try:
        skeleton.write(f"{tmp_path}/made", hostbase.SYSTEM, host=str(host))
    finally:
        os.umask(old)
    return tmp_path / "made"


def test_the_hosts_links_and_directories_are_there(made: Path) -> None:
    assert os.readlink(made / "bin") == "usr/bin"
    assert os.readlink(made / "lib") == "usr/lib"
    assert (made / "usr").is_dir()
    assert (made / "lib32").is_dir()
    assert not os.path.lexists(made / "lib64")
    assert os.listdir(made / "usr") == []
    assert os.readlink(made / "var/run") == "/run"


def test_modes_do_not_depend_on_the_umask(made: Path) -> None:
    def mode(path: str) -> int:
        return stat.S_IMODE((made / path).stat().st_mode)

    assert mode("tmp") == mode("var/tmp") == 0o1777
    assert mode("root") == 0o700
    for path in ("", "etc", "usr", "var/lib", "etc/ssl/certs", "etc/perl/x", "etc/perl/x/conf"):
        assert mode(path) == 0o755, path
    assert mode("etc/passwd") == mode("etc/profile") == 0o644


def test_accounts_are_those_of_the_system(made: Path) -> None:
    assert (made / "etc/passwd").read_bytes() == (
        b"root:x:0:0:root:/root:/bin/bash\n"
        b"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        b"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    assert (made / "etc/group").read_bytes() == b"root:x:0:\ndaemon:x:1:daemon\nnogroup:x:65534:\n"


def test_what_programs_need_is_there(made: Path) -> None:
    assert (made / "etc/ld.so.cache").read_bytes() == b"cache"
    assert (made / "etc/ssl/certs/ca.pem").exists()
    assert (made / "etc/perl/x/conf").read_bytes() == b"deep"
    assert os.readlink(made / "etc/ssl/certs/hash.0") == "ca.pem"
    assert os.readlink(made / "etc/alternatives/awk") == "/usr/bin/mawk"
    assert os.readlink(made / "etc/localtime") == "../usr/share/zoneinfo/UTC"
    assert (made / "etc/machine-id").read_bytes() == b""
    assert (made / "etc/hostname").read_bytes() == b""


@pytest.mark.parametrize(
    "path",
    [
        "shadow",
        "npmrc",
        "inputrc",
        "ssl/private",
        "ssl/certs/both.pem",
        "ssl/cert.pem",
        "alternatives/chrome",
        "timezone",
        "magic",
        "fonts",
    ],
)
def test_what_is_secret_or_leads_outside_is_not_there(made: Path, path: str) -> None:
    assert not os.path.lexists(made / "etc" / path)


def test_a_host_without_accounts_has_root(tmp_path: Path) -> None:
    (tmp_path / "host/etc").mkdir(parents=True)
    skeleton.write(f"{tmp_path}/made", ("/usr",), host=f"{tmp_path}/host")
    assert (tmp_path / "made/etc/passwd").read_text().startswith("root:x:0:0:")


def test_the_allow_list_names_nothing_that_keeps_secrets() -> None:
    secrets = (
        *("shadow", "gshadow", "ssh", "ssl", "sudoers", "machine-id", "hostname", "krb5.keytab"),
        *("environment", "profile.d", "gitconfig", "npmrc", "pip.conf", "wgetrc", "apt", "docker"),
        *("NetworkManager", "wireguard", "letsencrypt", "maven", "pki", "default", "dpkg", "hosts"),
    )
    for pattern in skeleton.ALLOWED:
        for name in secrets:
            assert not skeleton.matches(name, pattern), (name, pattern)


@given(st.text("ab", max_size=6), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_a_pattern_means_what_a_shell_means_by_it(name: str, before: str, after: str) -> None:
    from fnmatch import fnmatchcase

    pattern = f"{before}*{after}"
    assert skeleton.matches(name, pattern) == fnmatchcase(name, pattern)
    assert skeleton.matches(name, before) == (name == before)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/usr/share/x", True),
        ("../usr/x", True),
        ("x", True),
        ("/etc/../root/x", False),
        ("../../../root", False),
        ("/usr/../home/x", False),
        ("/usrx", False),
        ("/", False),
        ("/proc/self/mounts", True),
        ("/proc/1/environ", False),
        ("/run/systemd/resolve/stub-resolv.conf", False),
    ],
)
def test_links_may_point_to_what_the_box_shows(target: str, shown: bool) -> None:
    assert skeleton.is_shown("/etc/link", target) == shown
