"""The page of an evidence bundle."""

from wardian.sandbox import profile, summary


def test_what_a_program_chose_stays_text() -> None:
    for text in ("a`b", "a|b", "\x1b[1m", "a\nb", "\u202eevil", "<script>"):
        shown = summary.code(text)
        assert shown.isascii()
        assert shown.count("`") == 2
        assert "|" not in shown
        assert "\n" not in shown


def test_a_tree_of_processes_has_children_below_their_parents() -> None:
    rows = [(10, 1, "a", "S"), (12, 10, "b", "R"), (11, 1, "c", "S"), (13, 12, "d", "S")]
    assert summary._tree(rows) == ["10 S a", "  12 R b", "    13 S d", "11 S c"]


def test_a_learned_policy_is_toml_whatever_the_command_was() -> None:
    import tomllib

    text = profile.write({"read": set(), "ioctl": {0x5401}, "clone": {0}}, 'evil"\n\\"""')
    found = tomllib.loads(text)
    assert "read" in found["allow"]
    assert found["arguments"]["ioctl"]["allow"] == ["int1 == 0x5401"]
    assert found["arguments"]["clone"]["allow"] == ["int0 & 0x7e020000 == 0x0"]
