"""Lists of packages, as Debian, Alpine and Python keep them."""

from wardian.repro.packages import MARK, Package, parse

LISTS = f"""{MARK} /var/lib/dpkg/status
Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b2
Description: shell
 Version: 9

Package: gone
Status: deinstall ok config-files
Version: 1

Package: half
Status: purge ok not-installed
Version: 2

{MARK} /lib/apk/db/installed
C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64

{MARK} /usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA
Metadata-Version: 2.1
Name: Six
Version: 1.16.0

Name: not this
"""


def test_what_is_installed_is_named_with_its_version() -> None:
    assert list(map(str, parse(LISTS))) == [
        "apk:musl=1.2.5-r0",
        "deb:bash=5.2.15-2+b2",
        "pypi:Six=1.16.0",
    ]


def test_package_urls_are_as_the_specification_writes_them() -> None:
    urls = [one.url for one in parse(LISTS)]
    assert urls == [
        "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64",
        "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64",
        "pkg:pypi/six@1.16.0",
    ]


def test_no_list_is_no_package() -> None:
    assert parse("") == []
    assert parse(f"{MARK} /var/lib/dpkg/status\n") == []
    assert Package("deb", "a", "1") < Package("deb", "b", "0")
