"""How a download is called."""

import pytest

from wardian.build import recorder


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("http://h/pool/h/hello_2.10-3_amd64.deb", "deb package hello 2.10-3 amd64"),
        ("http://h/x_1%3a2-1_all.deb", "deb package x 1:2-1 all"),
        ("https://h/p/six-1.16.0-py2.py3-none-any.whl#a", "pypi package six 1.16.0"),
        ("https://h/p/zope_x-5.0-1-cp311-cp311-linux_x86_64.whl", "pypi package zope_x 5.0"),
        ("https://h/p/my-pack-1.2.tar.gz", "pypi package my-pack 1.2"),
        ("https://h/dists/InRelease?x=1", '"InRelease"'),
        ("https://h/", '"https://h/"'),
    ],
)
def test_how_a_download_is_called(url: str, title: str) -> None:
    assert recorder.title(url) == title
