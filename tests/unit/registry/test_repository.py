"""Link headers, which lead from page to page."""

import pytest

from wardian.registry.repository import next_link


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ""),
        ('</v2/x/tags/list?last=b>; rel="next"', "/v2/x/tags/list?last=b"),
        ("</p>; rel=next", "/p"),
        ('</a>; rel="prev", </b>; rel="next"', "/b"),
        ("</a>; rel=prev", ""),
        ("nonsense; rel=next", ""),
    ],
)
def test_the_next_page_is_found(header: str, expected: str) -> None:
    assert next_link(header) == expected
