"""The corpus is well-formed, the document tells of it, the judge finds an attack that worked."""

from pathlib import Path

import pytest

from tests.attacks import corpus, host, table
from tests.attacks.arena import judge
from wardian import Outcome, Verdict


def test_there_are_enough_attacks_of_each_family() -> None:
    attacks = corpus.attacks()
    assert len(attacks) >= 110
    assert {one.family for one in attacks} == set(corpus.FAMILIES)


def test_ids_say_the_family_and_are_without_gaps() -> None:
    for family, (letter, _about) in corpus.FAMILIES.items():
        ids = [one.id for one in corpus.attacks() if one.family == family]
        assert ids == [f"{letter}{number}" for number in range(1, len(ids) + 1)]


def test_every_file_among_the_programs_is_one() -> None:
    files = {path for path in corpus.PROGRAMS.rglob("*") if path.is_file()}
    files = {path for path in files if "__pycache__" not in path.parts}
    assert files == {one.path for one in corpus.attacks()}


def test_each_header_is_a_sentence_and_its_words_are_known() -> None:
    for one in corpus.attacks():
        assert one.title.endswith("."), one.path.name
        assert one.limits({}) is not None
        assert one.runs > 0
        assert one.one("policy", "compute") in ("compute", "strict")


def test_each_attack_can_be_seen_to_work() -> None:
    """Without a canary, a refused output, a limit or a violation a test could not fail."""
    for one in corpus.attacks():
        text = one.path.read_text(encoding="utf-8")
        sees = any(word in text for word in ("CANARY", "canary()", "refused("))
        proof = one.expectations[0].outcome is not Outcome.OK or one.expectations[0].facts
        assert sees or proof or one.outputs, one.path


def test_the_document_is_up_to_date() -> None:
    assert table.DOCUMENT.read_text(encoding="utf-8") == table.page(), (
        "python -m tests.attacks.table writes it"
    )


@pytest.fixture
def symlink() -> corpus.Attack:
    return corpus.read(corpus.PROGRAMS / "outputs" / "symlink_to_secret.py")


def test_the_judge_sees_the_canary_wherever_it_is(symlink: corpus.Attack) -> None:
    fine = Verdict(outcome=Outcome.OK, exit_code=0, output_errors={"out.txt": "a link"})
    assert judge(symlink, fine) == []
    for where in ("stdout", "stderr"):
        seen = Verdict(outcome=Outcome.OK, output_errors={"out.txt": "a link"})
        setattr(seen, where, b"..CANARY..")
        assert "canary" in judge(symlink, seen)[0]
    collected = Verdict(outcome=Outcome.OK, outputs={"out.txt": b"CANARY of the host"})
    assert len(judge(symlink, collected)) == 2


def test_the_judge_wants_the_right_verdict(symlink: corpus.Attack) -> None:
    (fault,) = judge(symlink, Verdict(outcome=Outcome.INTERNAL_ERROR))
    assert "expected OK; outcome INTERNAL_ERROR" in fault
    mount = corpus.read(corpus.PROGRAMS / "syscalls" / "mount_tmpfs.c")
    (fault,) = judge(mount, Verdict(outcome=Outcome.VIOLATION))
    assert "syscall none is not mount" in fault


def test_changes_of_the_host_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / "root"))
    victims = tmp_path / "victims"
    victims.mkdir()
    (victims / "secret").write_text("kept")
    before = host.look(victims)
    (victims / "secret").write_text("owned")
    (victims / "more").touch()
    told = "\n".join(host.changes(before, host.look(victims)))
    assert "secret" in told
    assert "more" in told


def test_a_header_that_lacks_something_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "attack.py"
    for text, told in (
        ("print()", "does not begin"),
        ('"""Title.\n\nid: S1\ncontained: x\n"""', "expect must stand once"),
        ('"""Title.\n\nid: S1\ncontained: x\nexpect: FINE\n"""', "is no expectation"),
        ('"""Title.\n\nid: S1\ncontained: x\nexpect: OK\nor: MEMORY\n"""', "needs a reason"),
        ('"""Title.\n\nid: S1\ncontained: x\nexpect: VIOLATION\n"""', "which system call"),
    ):
        bad.write_text(text)
        with pytest.raises(corpus.BadHeaderError, match=told):
            corpus.read(bad)
