"""The parser: what a Containerfile says, and where it is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.build import recipe
from wardian.build.instructions import FLAGS, Instruction
from wardian.errors import SpecError


def steps(text: str) -> list[Instruction]:
    """The instructions of one stage."""
    return recipe.parse(f"FROM scratch\n{text}".encode()).stages[0].steps


def fault(text: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        recipe.parse(text.encode(), "Containerfile")
    return caught.value


# ---- lines --------------------------------------------------------------------------------


def test_continued_lines_are_joined_without_comments_and_blank_lines_between() -> None:
    (run,) = steps("RUN a \\\n  # why\n\n   b && \\  \n c")
    assert run.rest.text == "a    b &&  c"


def test_the_escape_directive_changes_what_continues_a_line() -> None:
    found = recipe.parse(b"# escape=`\nFROM scratch\nRUN dir C:\\ `\n more")
    assert found.escape == "`"
    assert found.stages[0].steps[0].rest.text == "dir C:\\  more"


def test_a_directive_after_a_comment_is_a_comment() -> None:
    assert recipe.parse(b"# hello\n# escape=`\nFROM scratch").escape == "\\"


def test_lines_may_end_as_on_windows() -> None:
    found = recipe.parse(b"FROM scratch\r\nRUN a \\\r\n b\r\n")
    assert found.stages[0].steps[0].rest.text == "a  b"


def test_keywords_may_be_written_small() -> None:
    assert [one.keyword for one in steps("run x\ncmd y")] == ["RUN", "CMD"]


def test_the_last_line_may_end_with_an_escape() -> None:
    (run,) = steps("RUN x \\\n")
    assert run.rest.text == "x"


# ---- heredocs -----------------------------------------------------------------------------


def test_a_heredoc_is_taken_as_it_is() -> None:
    (run,) = steps("RUN <<EOF\n# no comment\n  a \\\n\nEOF")
    (document,) = run.heredocs
    assert document.text == "# no comment\n  a \\\n\n"
    assert document.is_expanded


def test_a_quoted_heredoc_is_not_expanded_and_a_dash_strips_tabs() -> None:
    (copy,) = steps('COPY <<-"A" <<B /to/\n\t\tx\n\tA\n\ty\nB')
    first, second = copy.heredocs
    assert (first.text, first.is_expanded, first.strips_tabs) == ("x\n", False, True)
    assert (second.text, second.is_expanded, second.name) == ("\ty\n", True, "B")


def test_a_heredoc_within_quotes_is_none() -> None:
    (run,) = steps("RUN echo '<<EOF'")
    assert run.heredocs == []


def test_a_here_string_is_none() -> None:
    (run,) = steps("RUN cat <<<word")
    assert run.heredocs == []


def test_a_heredoc_without_an_end_is_named() -> None:
    assert str(fault("FROM scratch\nRUN cat <<END\nx")) == (
        'Containerfile:2:9: the heredoc "END" has no end'
    )


# ---- stages -------------------------------------------------------------------------------


def test_stages_have_names_and_numbers() -> None:
    found = recipe.parse(b"ARG V=1\nFROM a AS One\nFROM --platform=linux/arm64 b\nFROM one")
    assert [stage.shown for stage in found.stages] == ["one", "1", "2"]
    assert found.stages[1].platform is not None
    assert found.stages[1].platform.text == "linux/arm64"
    assert found.stage("one", 2) is found.stages[0]
    assert found.stage("1", 2) is found.stages[1]
    assert found.stage("2", 2) is None
    assert [word.text for word, _value in found.arguments[0].pairs] == ["V"]


# ---- forms --------------------------------------------------------------------------------


def test_exec_form_is_json_and_what_is_no_json_is_a_command() -> None:
    one, two = steps('CMD ["a", "b c"]\nRUN [ -f /x ]')
    assert (one.is_exec, [word.text for word in one.words]) == (True, ["a", "b c"])
    assert (two.is_exec, two.rest.text) == (False, "[ -f /x ]")


def test_pairs_are_cut_as_a_shell_would() -> None:
    (env,) = steps("ENV a=1 b=\"2 3\" c=4\\ 5 d='6 7'")
    assert [(name.text, value and value.text) for name, value in env.pairs] == [
        ("a", "1"),
        ("b", '"2 3"'),
        ("c", "4\\ 5"),
        ("d", "'6 7'"),
    ]


def test_the_old_form_of_env_takes_the_whole_line() -> None:
    (env,) = steps("ENV name some value = x")
    assert [(name.text, value and value.text) for name, value in env.pairs] == [
        ("name", "some value = x")
    ]


def test_arg_may_lack_a_value() -> None:
    (arg,) = steps("ARG a b=1")
    assert [(name.text, value and value.text) for name, value in arg.pairs] == [
        ("a", None),
        ("b", "1"),
    ]


def test_flags_come_before_the_words() -> None:
    (run,) = steps(
        "RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b --network=none x --y"
    )
    assert [word.text for word in run.flags["mount"]] == [
        "type=cache,target=/a",
        "type=tmpfs,target=/b",
    ]
    assert run.rest.text == "x --y"


def test_onbuild_and_healthcheck_hold_an_instruction() -> None:
    onbuild, check, none = steps(
        "ONBUILD COPY a b\nHEALTHCHECK --interval=5s CMD x y\nHEALTHCHECK NONE"
    )
    assert onbuild.inner is not None
    assert (onbuild.inner.keyword, onbuild.inner.words[1].text) == ("COPY", "b")
    assert check.inner is not None
    assert check.inner.rest.text == "x y"
    assert none.inner is None


# ---- faults -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM x\nRNU y", 'Containerfile:2:1: unknown instruction "RNU"'),
        ("FROM x\n  RUN --mont=x y", 'Containerfile:2:7: RUN has no flag "--mont"'),
        (
            "FROM x\nRUN \\\n   --network y",
            "Containerfile:3:4: --network needs a value: --network=...",
        ),
        ("FROM x\nRUN --network=a --network=b y", "Containerfile:2:17: --network is there twice"),
        ("FROM x\nCOPY a", "Containerfile:2:6: COPY needs a source and a target"),
        ("FROM x\nENV a=1 \\\n  b", 'Containerfile:3:3: "b": ENV needs NAME=VALUE'),
        ("FROM x\nENV a", "Containerfile:2:5: ENV needs NAME=VALUE"),
        ("FROM x\nSHELL sh", "Containerfile:2:7: SHELL needs a JSON array of strings"),
        ("FROM x\nONBUILD FROM y", "Containerfile:2:9: FROM can't be an ONBUILD"),
        ("FROM x\nHEALTHCHECK x", 'Containerfile:2:13: HEALTHCHECK "X" is neither CMD nor NONE'),
        ("FROM x\nRUN", "Containerfile:2:1: RUN needs something after it"),
        ("RUN x", "Containerfile:1:1: RUN before the first FROM"),
        ("FROM a b", "Containerfile:1:8: FROM takes IMAGE, or IMAGE AS NAME"),
        ("FROM a AS -x", 'Containerfile:1:11: "-x" is no name for a stage'),
        ("FROM a AS b\nFROM a AS B", 'Containerfile:2:11: a stage "b" is there already'),
        ("# escape=x\nFROM a", 'Containerfile:1:1: escape "x" is neither \\ nor `'),
        ("", "Containerfile:1:1: no FROM"),
    ],
)
def test_a_fault_names_line_and_column(text: str, message: str) -> None:
    assert str(fault(text)) == message


def test_a_word_that_is_nearly_right_is_suggested() -> None:
    assert fault("FROM x\nRNU y").hint == "did you mean RUN?"
    assert fault("FROM x\nRUN --mont=x y").hint == "did you mean --mount?"


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(SpecError, match="Containerfile:2:3: not UTF-8"):
        recipe.parse(b"FROM x\nRU\xff", "Containerfile")


LETTERS = st.text(alphabet="FROMRUNCOPYENVARG abc=\"'\\`$<>-[]{}#,:\n\t", max_size=200)


@given(LETTERS)
def test_whatever_comes_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        found = recipe.parse(f"FROM x\n{text}".encode())
    except SpecError as error:
        assert str(error).startswith("Containerfile:")
        assert "\n" not in str(error)
    else:
        for stage in found.stages:
            for step in stage.steps:
                assert step.text


@given(
    st.lists(
        st.text(alphabet="abc /-_.", min_size=1).map(lambda text: "x" + text.strip()), max_size=6
    )
)
def test_where_the_lines_are_broken_does_not_matter(words: list[str]) -> None:
    one = steps("RUN y " + " ".join(words))[0]
    two = steps("RUN y " + "\\\n".join(" " + word for word in words).lstrip())[0]
    assert one.rest.text.split() == two.rest.text.split()


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(sorted(FLAGS)))
def test_the_place_of_a_fault_is_where_it_is(lines: int, blanks: int, keyword: str) -> None:
    text = "FROM x\n" + "\n" * lines + " " * blanks + f"{keyword} --nonsense=1 a b"
    if keyword == "HEALTHCHECK":
        text = text.replace(" a b", " CMD a")
    found = str(fault(text))
    assert found.startswith(f"Containerfile:{lines + 2}:{blanks + len(keyword) + 2}: ")


def test_the_stages_that_a_target_needs() -> None:
    found = recipe.parse(
        b"FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two x x\nFROM c AS four\n"
        b"RUN --mount=type=bind,from=three,target=/t x\nFROM d AS five\n"
    )
    four = recipe.target(found, "four")
    assert [stage.shown for stage in recipe.needed(found, four)] == ["one", "two", "three", "four"]
    assert recipe.steps(found, four) == 6
    assert [stage.shown for stage in recipe.needed(found, recipe.target(found, ""))] == ["five"]
