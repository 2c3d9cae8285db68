"""The HTML page: hostile text is text."""

import dataclasses
import html.parser
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.grade.problems import problem, result
from wardian.grade import html_report
from wardian.grade.results import Judgement
from wardian.grade.results import TestResult as Result

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e\0'


class Reader(html.parser.HTMLParser):
    """Collects tags and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}


def tags_of(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def evil_page(tmp_path: Path, text: str) -> str:
    name = f"{text[:50]}{os.fsdecode(bytes([255]))}"
    test = Result(
        test=text,
        group="tests",
        judgement=Judgement.RUNTIME_ERROR,
        message=text,
        stderr=text,
        outcome=text or "x",
        syscall=text,
        evidence=text,
    )
    bad = result(name, tests=(test,), message=text, version=text, degraded=(text,))
    return html_report.page(problem(tmp_path, title=text), [bad, result()])


def test_no_script_comes_from_a_submission(tmp_path: Path) -> None:
    page = evil_page(tmp_path, EVIL)
    found = tags_of(page)
    assert "script" not in found.tags
    assert "img" not in found.tags
    assert not {one for one in found.attributes if one.startswith("on")}
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "\\u202e" in page
    assert "default-src 'none'" in page
    page.encode("utf-8")


@given(st.text())
def test_no_text_adds_a_tag(text: str) -> None:
    plain, odd = tags_of(evil_page(Path("/"), "x")), tags_of(evil_page(Path("/"), text))
    assert odd.tags <= plain.tags  # without a text, what would show it lacks
    assert odd.attributes <= plain.attributes


def test_every_judgement_has_a_mark() -> None:
    assert set(html_report.MARKS) == set(Judgement)


def test_the_best_submission_stands_first(tmp_path: Path) -> None:
    worse = dataclasses.replace(result("a.py"), points=1.0)
    page = html_report.page(problem(tmp_path), [worse, result("b.py")])
    assert page.index("b.py") < page.index("a.py")


def test_what_could_not_be_enforced_is_told(tmp_path: Path) -> None:
    page = html_report.page(problem(tmp_path), [result(degraded=("memory: no control group",))])
    assert "memory: no control group" in page


def test_a_page_of_many_tests_leaves_out_what_was_passed(tmp_path: Path) -> None:
    right = result().tests[0]
    wrong = dataclasses.replace(
        right, judgement=Judgement.RUNTIME_ERROR, stderr="told", outcome="x"
    )
    few = html_report.page(problem(tmp_path), [result(tests=(right, *[wrong] * 9))])
    assert few.count("told") == html_report.MOST_BLOCKS
    assert few.count("<tr><td><bdi>one") == 10
    many = [result(tests=(right,) * 5001), result(tests=(wrong,) * 15000)]
    page = html_report.page(problem(tmp_path), many)
    assert page.count("<tr><td><bdi>one") == 15000
    assert "left out" in page
