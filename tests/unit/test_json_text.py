"""JSON without the json package: it says what json says, and loads nothing that costs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import json_text
from wardian.errors import KernelError, NotFoundError, SpecError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_writes_is_read_as_json_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=3)):
        assert json_text.loads(text) == value
        assert json_text.loads(f" \t\r\n{text}\n ") == value


@given(VALUES)
def test_what_it_writes_is_what_json_writes(value: Any) -> None:
    assert json_text.dumps(value) == json.dumps(value, separators=(",", ":"))
    assert json_text.dumps(value, indent=2) == json.dumps(value, indent=2)


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u \n') | st.text())
def test_it_reads_exactly_the_texts_that_json_reads(text: str) -> None:
    """All but NaN and Infinity, which RFC 8259 does not have."""
    try:
        expected = json.loads(text, parse_constant=int)
    except ValueError:
        with pytest.raises(SpecError, match="no JSON"):
            json_text.loads(text)
    else:
        assert json_text.loads(text) == expected


@given(st.binary())
def test_bytes_are_a_value_or_an_error_of_ours(content: bytes) -> None:
    try:
        json_text.loads(content)
    except SpecError as error:
        assert str(error).isprintable()


def test_a_syntax_error_has_its_line_and_column() -> None:
    with pytest.raises(SpecError) as caught:
        json_text.loads('{\n  "a": 1,\n  "b" 2\n}')
    assert str(caught.value) == "no JSON: expecting ':' delimiter: line 3, column 7"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expecting value: line 1, column 1"),
        ("[1] 2", "extra data: line 1, column 5"),
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ('"\0"', "invalid control character"),
        ("1" * 5000, "digits"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ('[{"":' * 200_000, "nested too deeply"),
        (b'"\xff"', "byte 2 is not UTF-8"),
        (b"\xff\xfe[\0]\0", "byte 1 is not UTF-8"),
        ("\ufeff{}", "BOM"),
    ],
)
def test_what_is_no_json_is_one_clear_line(text: str | bytes, words: str) -> None:
    with pytest.raises(SpecError, match="no JSON") as caught:
        json_text.loads(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    assert json_text.loads('{"a": 1, "a": 2}') == {"a": 2}


def test_only_what_json_has_can_be_written() -> None:
    for value in (b"x", {1}, float("nan"), [float("inf")], object()):
        with pytest.raises((TypeError, ValueError)):
            json_text.dumps(value)
        with pytest.raises((TypeError, ValueError)):
            json_text.dumps(value, indent=2)


def test_without_the_accelerator_the_json_package_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Changed(ModuleType):
        """A later Python's accelerator, which wants other arguments."""

        encode_basestring_ascii = None

        @staticmethod
        def make_encoder() -> None: ...

        @staticmethod
        def make_scanner() -> None: ...

    for module in (None, Changed("_json")):
        monkeypatch.setitem(sys.modules, "_json", module)
        assert json_text.loads(' {"a": [1]} ') == {"a": [1]}
        assert json_text.dumps({"a": [1, "é"]}) == '{"a":[1,"\\u00e9"]}'
        assert json_text.dumps({"a": []}, indent=1) == '{\n "a": []\n}'
        with pytest.raises(SpecError, match="line 1, column 2"):
            json_text.loads("[")


def test_the_json_package_is_not_loaded() -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); from wardian import json_text; "
        "json_text.loads(json_text.dumps({'a': [1, 2.5, 'x', None]}, indent=2)); "
        "print({'json', 're', 'enum', 'json.decoder'} & set(sys.modules))"
    )
    source = str(Path(json_text.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", code, source]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": "é"}\n')
    assert json_text.read(str(path), 100) == {"a": "é"}


def test_a_file_of_just_the_size_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[" + " " * 98 + "]")
    assert json_text.read(str(path), 100) == []
    with pytest.raises(SpecError, match=r'config\.json": larger than 99 bytes'):
        json_text.read(str(path), 99)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r'open\(".*/none"\): no such file or directory'):
        json_text.read(f"{tmp_path}/none", 100)


def test_a_directory_is_an_error_and_so_is_a_path_with_a_nul(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match="is a directory"):
        json_text.read(str(tmp_path), 100)
    with pytest.raises(SpecError, match="NUL"):
        json_text.read("/a\0b", 100)


def test_a_pipe_that_nobody_writes_to_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError, match="expecting value"):
        json_text.read(f"{tmp_path}/pipe", 100)


def test_a_file_without_a_size_is_read_whole() -> None:
    with pytest.raises(SpecError, match="no JSON"):
        json_text.read("/proc/self/status", 1 << 20)
    with pytest.raises(SpecError, match="larger than 1000 bytes"):
        json_text.read("/dev/zero", 1000)


def test_a_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(SpecError, match=r'config\.json": no JSON: .* line 1, column 2'):
        json_text.read(str(path), 100)
