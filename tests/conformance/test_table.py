"""The table of sentences, the tests and the document say the same."""

from tests.conformance import table


def named() -> set[str]:
    """Every test that a sentence names."""
    return {
        name
        for sections in table.DOCUMENTS.values()
        for rows in sections.values()
        for _sentence, shown in rows
        if not shown.startswith("(")
        for name in shown.split()
    }


def written() -> set[str]:
    """Every test of this folder but those of this file."""
    return {
        name
        for path in table.HERE.glob("test_*.py")
        if path.name != "test_table.py"
        for name in table.TEST.findall(path.read_text(encoding="utf-8"))
    }


def test_every_sentence_names_tests_that_are_there() -> None:
    assert named() <= written()


def test_every_test_is_named_by_a_sentence() -> None:
    assert written() - named() == set()


def test_no_sentence_stands_twice() -> None:
    for sections in table.DOCUMENTS.values():
        for rows in sections.values():
            sentences = [sentence for sentence, _shown in rows]
            assert len(sentences) == len(set(sentences))


def test_the_document_is_up_to_date() -> None:
    assert table.DOCUMENT.read_text(encoding="utf-8") == table.page(), (
        "python -m tests.conformance.table writes it"
    )
