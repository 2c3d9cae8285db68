"""The report as lines and as a page."""

from html.parser import HTMLParser
from typing import Any

from wardian.repro import page, report
from wardian.repro.check import Difference, Report
from wardian.repro.conditions import CONTROL
from wardian.repro.outputs import Entry
from wardian.repro.variations import VARIATIONS

VOID = {"meta"}


class Nesting(HTMLParser):
    """Checks that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def document(*differences: Difference) -> dict[str, Any]:
    found = Report(
        differences=list(differences), same=["fine"], varied=list(VARIATIONS[:3]), runs=4
    )
    found.not_varied = {"cpus": "this machine has one processor"}
    return report.document(found, diffoscope=False, command=["make", "<all>"])


def guilty(path: str = "out") -> Difference:
    return Difference(
        path=path,
        causes=[("umask",), ("time", "home")],
        control=Entry(kind="link", digest="1"),
        varied=Entry(kind="file", digest="2"),
        varied_conditions=CONTROL.but(varied=("umask",)),
    )


def test_the_page_is_well_formed_and_has_no_script() -> None:
    for found in (document(), document(guilty()), document(guilty(), Difference(path="x"))):
        reader = Nesting()
        reader.feed(page.page(found))
        assert reader.open == []
        assert not reader.seen & {"script", "img", "link", "iframe"}


def test_what_a_build_wrote_is_escaped() -> None:
    text = page.page(document(guilty('<img src=x onerror="1">\x1b]0;\udcff')))
    assert "<img" not in text
    assert "\x1b" not in text
    assert "make &lt;all&gt;" in text


def test_the_lines_name_causes_alone_and_together() -> None:
    lines = report.text(document(guilty()))
    assert "  cause:  umask; only together: time with home" in lines
    assert lines[-1] == "NOT reproducible: 1 of 2 outputs differ (4 runs)"


def test_the_lines_of_a_good_report_are_one() -> None:
    assert report.text(document()) == [
        "reproducible: 1 output is the same bit for bit, with 3 variations (4 runs)"
    ]
