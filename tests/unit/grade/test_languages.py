"""Endings, commands, and which file is the main one."""

import pytest

from wardian.errors import UsageError
from wardian.grade.languages import PRESETS, Sources, by_ending, fill

JAVA = PRESETS["java"]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.c", "c"),
        ("A.CPP", "c++"),
        ("b.cc", "c++"),
        ("x.py", "python"),
        ("x.java", "java"),
        ("x.mjs", "node"),
        ("x.txt", None),
        (".py", None),
        ("py", None),
    ],
)
def test_an_ending_tells_the_language(name: str, language: str | None) -> None:
    found = by_ending(PRESETS.values(), name)
    assert (found.name if found else None) == language


def test_all_sources_are_compiled_and_headers_lie_beside_them() -> None:
    files = {"b.c": b"", "main.c": b"", "x.h": b""}
    found = Sources(PRESETS["c"], files)
    assert found.names == ["main.c", "b.c"]
    assert set(found.files) == set(files)
    command = fill(PRESETS["c"].compile, found, memory_bytes=1 << 20, stack_bytes=1 << 20)
    assert command == ["gcc", "-O2", "-std=gnu17", "-o", "program", "main.c", "b.c", "-lm"]


def test_a_file_called_like_an_option_is_none() -> None:
    found = Sources(PRESETS["c"], {"-fplugin=x.c": b""})
    words = fill(PRESETS["c"].compile, found, memory_bytes=1, stack_bytes=1)
    assert "./-fplugin=x.c" in words
    assert "-fplugin=x.c" not in words


def test_several_python_files_need_a_main_one() -> None:
    assert Sources(PRESETS["node"], {"main.js": b"", "b.js": b""}).names[0] == "main.js"
    with pytest.raises(UsageError, match="none is called main"):
        Sources(PRESETS["node"], {"a.js": b"", "b.js": b""})


@pytest.mark.parametrize(
    ("content", "file", "main"),
    [
        (b"public class Sum { public static void main(String[] a) {} }", "Sum.java", "Sum"),
        (b"// public class No\npublic final class A { static void main(){} }", "A.java", "A"),
        (b'class B { String s = "public class X"; void main() {} }', "B.java", "B"),
        (b"package p.q; public class C { void main() {} }", "C.java", "p.q.C"),
        (b"class H { } class D { class I {} void main() {} }", "H.java", "D"),
        (b"int x;", "alice.java", "alice"),
    ],
)
def test_a_java_file_is_called_like_its_class(content: bytes, file: str, main: str) -> None:
    found = Sources(JAVA, {"alice.java": content})
    assert (found.names, found.main) == ([file], main)


def test_of_several_java_files_the_one_with_main_runs() -> None:
    files = {
        "a.java": b"public class Helper { }",
        "b.java": b"public class Start { public static void main(String[] x) {} }",
    }
    found = Sources(JAVA, files)
    assert (found.names[0], found.main) == ("Start.java", "Start")


def test_limits_go_into_the_command() -> None:
    found = Sources(JAVA, {"A.java": b"class A { void main() {} }"})
    words = fill(JAVA.run, found, memory_bytes=64 << 20, stack_bytes=8 << 20)
    assert "-Xmx64m" in words
    assert "-Xss8192k" in words
    assert words[-1] == "A"
