"""Languages: which endings, which compiler, what is run, and how much the runtime itself needs.

Words of a command may hold places: {source} is the main source file, {main} its name without the
ending (Java: the class that has `main`), {memory_mib} the problem's memory limit in MiB,
{stack_kib} the stack's in KiB. A word that is {sources} becomes one word for each source file.

What a runtime takes for itself (a JVM's code cache, V8's) is no matter of the problem, so it is
added to the memory limit; the heap gets the limit itself.
"""

import dataclasses
import re

from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MEBIBYTE = 1 << 20
PROGRAM = "program"

_JAVAC = "javac -J-Xmx512m -encoding UTF-8 -d classes"
_CHECK_PYTHON = (
    "import sys\n"
    "for name in sys.argv[1:]:\n"
    "    with open(name, 'rb') as file:\n"
    "        compile(file.read(), name, 'exec')\n"
)
# Java: the file must be called like its public class, and what runs is the class that has main.
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
_PUBLIC = re.compile(
    rb"\bpublic\s+(?:(?:final|abstract|strictfp|sealed|non-sealed)\s+)*"
    rb"(?:class|interface|enum|record)\s+([A-Za-z_$][\w$]*)"
)
_CLASS = re.compile(rb"\b(?:class|interface|enum|record)\s+([A-Za-z_$][\w$]*)")
_MAIN = re.compile(rb"\bvoid\s+main\s*\(")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How programs of one language are made and run.

    Attributes:
        name: as in specifications and reports.
        endings: of its source files, the first is the usual one.
        run: the program's command.
        compile: the compile step's command; none where empty.
        artefacts: files that the compile step makes and the run needs; the sources where empty.
        version: a command whose first line of output says the version.
        image: for its boxes, instead of the problem's.
        extra_memory_bytes: what the runtime itself may use over the problem's limit.
        extra_processes: threads that the runtime starts for itself.
        names_by_class: a source file must be called like its public class.
        exception: pattern of what an exception that nobody caught leaves on standard error, where
            the runtime then ends with exit code 1; none where empty.
    """

    name: str
    endings: tuple[str, ...]
    run: tuple[str, ...]
    compile: tuple[str, ...] = ()
    artefacts: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    image: str | None = None
    extra_memory_bytes: int = 0
    extra_processes: int = 0
    names_by_class: bool = False
    exception: bytes = b""

    def ended_by_exception(self, code: int | None, stderr: bytes) -> bool:
        """Return whether a program's end is that of an exception that nobody caught."""
        pattern = self.exception
        return code == 1 and bool(pattern) and re.search(pattern, stderr, re.MULTILINE) is not None


PRESETS = {
    one.name: one
    for one in (
        Language(
            name="c",
            endings=(".c",),
            compile=("gcc", "-O2", "-std=gnu17", "-o", PROGRAM, "{sources}", "-lm"),
            artefacts=(PROGRAM,),
            run=(f"./{PROGRAM}",),
            version=("gcc", "--version"),
        ),
        Language(
            name="c++",
            endings=(".cpp", ".cc", ".cxx", ".c++"),
            compile=("g++", "-O2", "-std=gnu++20", "-o", PROGRAM, "{sources}"),
            artefacts=(PROGRAM,),
            run=(f"./{PROGRAM}",),
            version=("g++", "--version"),
        ),
        Language(
            name="python",
            endings=(".py",),
            compile=("python3", "-I", "-S", "-c", _CHECK_PYTHON, "{sources}"),
            run=("python3", "{source}"),
            version=("python3", "--version"),
            extra_memory_bytes=16 * MEBIBYTE,
            exception=rb"^Traceback \(most recent call last\):$",
        ),
        Language(
            name="java",
            endings=(".java",),
            compile=(
                *("sh", "-c"),
                f'{_JAVAC} "$@" && jar cf program.jar -C classes .',
                *("javac", "{sources}"),
            ),
            artefacts=("program.jar",),
            run=(
                *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"),
                *("-Xmx{memory_mib}m", "-Xss{stack_kib}k", "-cp", "program.jar", "{main}"),
            ),
            version=("javac", "--version"),
            extra_memory_bytes=160 * MEBIBYTE,
            extra_processes=48,
            names_by_class=True,
            exception=rb'^Exception in thread "main" ',
        ),
        Language(
            name="node",
            endings=(".js", ".mjs", ".cjs"),
            compile=("node", "--check", "{source}"),
            run=("node", "--max-old-space-size={memory_mib}", "{source}"),
            version=("node", "--version"),
            extra_memory_bytes=96 * MEBIBYTE,
            exception=rb"^Node\.js v\d",
            extra_processes=32,
        ),
    )
}


def by_ending(languages: "Iterable[Language]", name: str) -> Language | None:
    """Return the language that a file's name tells."""
    lower = name.lower()
    for language in languages:
        if any(lower.endswith(ending) and lower != ending for ending in language.endings):
            return language
    return None


class Sources:
    """A submission's files as its compiler shall find them.

    Attributes:
        files: name, and content.
        names: of the sources, the main one first.
        main: what {main} stands for.
    """

    __slots__ = ("files", "main", "names")

    def __init__(self, language: Language, files: "Mapping[str, bytes]") -> None:
        """Sort the files out.

        Raises:
            UsageError: none is a source, or it is not clear which is the main one.
        """
        names = [name for name in files if by_ending((language,), name)]
        if not names:
            raise UsageError(f"no file ends with {' or '.join(language.endings)}")
        self.files = dict(files)
        self.main = ""
        if language.names_by_class:
            names = self._name_by_class(names)
        main = _main_of(names) if not self.main else names[0]
        if main is None and not any("{sources}" in word for word in language.compile):
            raise UsageError("several source files, and none is called main", hint="call one main")
        main = main or names[0]
        self.names = [main, *(name for name in names if name != main)]
        self.main = self.main or _stem(main)

    def _name_by_class(self, names: "list[str]") -> "list[str]":
        renamed: list[str] = []
        mains: list[tuple[str, str]] = []
        for name in names:
            content = self.files.pop(name)
            text = _COMMENT.sub(b" ", content)
            public = _PUBLIC.search(text) or _CLASS.search(text)
            stem = public[1].decode() if public else _stem(name)
            folder = name.rpartition("/")[0]
            path = f"{folder}/{stem}.java" if folder else f"{stem}.java"
            if path in self.files or path in renamed:
                path, stem = name, _stem(name)
            self.files[path] = content
            renamed.append(path)
            if found := _MAIN.search(text):
                mains.append((path, _class_before(text, found.start()) or stem))
        if mains:
            path, self.main = next(
                (one for one in mains if _stem(one[0]).lower() == "main"), mains[0]
            )
            renamed = [path, *(one for one in renamed if one != path)]
        return renamed


def _class_before(text: bytes, place: int) -> str:
    """Return the top-level class in which a place of a Java source lies."""
    package = re.search(rb"\bpackage\s+([\w.]+)\s*;", text)
    found = ""
    for match in _CLASS.finditer(text, 0, place):
        before = text[: match.start()]
        if before.count(b"{") == before.count(b"}"):
            found = match[1].decode()
    return f"{package[1].decode()}.{found}" if package and found else found


def _main_of(names: "Sequence[str]") -> str | None:
    if len(names) == 1:
        return names[0]
    mains = [name for name in names if _stem(name).lower() == "main"]
    return mains[0] if len(mains) == 1 else None


def _stem(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


def fill(
    words: "Sequence[str]", sources: Sources, *, memory_bytes: int, stack_bytes: int
) -> "list[str]":
    """Return a command with its places filled.

    Args:
        words: of the command.
        sources: that it is about.
        memory_bytes: the problem's limit.
        stack_bytes: the problem's limit.
    """
    places = {
        "{source}": sources.names[0],
        "{main}": sources.main,
        "{memory_mib}": str(max(1, memory_bytes // MEBIBYTE)),
        "{stack_kib}": str(max(1, stack_bytes // 1024)),
    }
    found: list[str] = []
    for word in words:
        if word == "{sources}":
            found.extend(_plain(name) for name in sources.names)
            continue
        for place, value in places.items():
            word = word.replace(place, _plain(value) if place == "{source}" else value)  # noqa: PLW2901
        found.append(word)
    return found


def _plain(name: str) -> str:
    """Return a file's name as no program takes it for an option."""
    return f"./{name}" if name[:1] in "-@+" else name
