"""Find all that a program needs to start: itself, its loader, its libraries, its interpreter.

Nothing is run: what `ldd` learns by starting the loader is read from the files, so that a hostile
program can be asked about too.

Facts about finding libraries
-----------------------------
glibc goes breadth first, and a name that was loaded once is loaded for all. A name without "/" is
looked for in the asking file's DT_RPATH and those of the files that asked for it (none of which
counts where the file has DT_RUNPATH), in its DT_RUNPATH, in ld.so.cache, and in the directories
that were compiled into the loader. In each directory glibc-hwcaps/NAME goes first where the
processor has it; all of them are taken here, so that the closure is right on any processor. A
library of another word size or machine is passed over. $ORIGIN is the directory of a program after
all links, and that by which a library was found; $LIB and $PLATFORM are words of the loader's
build, so each spelling in use is tried.

musl treats DT_RUNPATH as DT_RPATH, knows no cache, and has one list of directories in
/etc/ld-musl-ARCH.path; its C library is the loader itself.

What a program opens at run time (NSS, gconv, plug-ins, an interpreter's modules) is not seen.

Source: glibc, elf/dl-load.c; musl, ldso/dynlink.c.
Kernel: ld.so(8), execve(2), path_resolution(7).
"""

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG

from wardian import errors
from wardian.kernel import elf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CACHE = "/etc/ld.so.cache"

_LINKS_MAX = 40
_SCRIPTS_MAX = 5  # fs/exec.c: exec_binprm allows so many rewrites
_FILES_MAX = 4096
_CACHE_BYTES = 64 << 20
_LOADER_BYTES = 4 << 20
_PATH_FILE_BYTES = 1 << 16

# elf.h machine numbers with the words that $PLATFORM and multiarch directories use
_PLATFORMS = {
    3: ("i686", "i386-linux-gnu"),
    8: ("mips", "mips-linux-gnu", "mips64el-linux-gnuabi64"),
    20: ("ppc", "powerpc-linux-gnu"),
    21: ("ppc64", "powerpc64le-linux-gnu", "powerpc64-linux-gnu"),
    22: ("s390x", "s390x-linux-gnu"),
    40: ("v7l", "arm-linux-gnueabihf", "arm-linux-gnueabi"),
    62: ("x86_64", "x86_64-linux-gnu", "x86_64-linux-gnux32"),
    183: ("aarch64", "aarch64-linux-gnu"),
    243: ("riscv64", "riscv64-linux-gnu", "lp64d"),
    258: ("loongarch64", "loongarch64-linux-gnu"),
}
_EXTRA_PLATFORMS = ("haswell", "xeon_phi")


class Closure:
    """What a program needs, as paths that are the same in the box as on the host.

    Attributes:
        programs: the paths of the programs that were asked for.
        files: (path in the box, file on the host): each file once, at the path where it really is.
        links: (path in the box, target): the symbolic links that lead to `files`. Files and links
            are a part of the host's tree as it is, so that $ORIGIN and /proc/self/exe agree.
        missing: in words, what plug-ins ask for and is not there.
        reasons: for each of `files`, by its path in the box, who needs it and as what.
        binds: for a box without these links: (path in the box, file on the host) for each name
            under which a file is looked up. A program that is named by a link and finds its
            libraries by $ORIGIN needs `files` and `links`.
    """

    __slots__ = ("binds", "files", "links", "missing", "programs", "reasons")

    def __init__(self) -> None:
        self.programs: list[str] = []
        self.binds: list[tuple[str, str]] = []
        self.files: list[tuple[str, str]] = []
        self.links: list[tuple[str, str]] = []
        self.reasons: dict[str, list[str]] = {}
        self.missing: list[str] = []


def closure(program: str, *, search_path: str = SEARCH_PATH, sysroot: str = "") -> Closure:
    """Return what one program needs (see `closure_of`)."""
    return closure_of([program], search_path=search_path, sysroot=sysroot)


def closure_of(
    programs: "list[str]",
    *,
    search_path: str = SEARCH_PATH,
    sysroot: str = "",
    plugins: "tuple[str, ...]" = (),
) -> Closure:
    """Return what these programs need to start.

    Args:
        programs: absolute paths, or names that are looked up in `search_path`.
        search_path: the box's PATH: where a name, and an interpreter behind `env`, is looked for.
        sysroot: a directory that stands for the host's "/".
        plugins: libraries that the last of the programs opens while it runs (dlopen(3)).

    Raises:
        NotFoundError: a program, its interpreter, loader or a library does not exist.
        SpecError: a file is broken.
        KernelError: a file can't be read.
    """
    tree = _Tree(sysroot)
    found = Closure()
    libraries = None
    for program in programs:
        path = _program(tree, program, search_path)
        found.programs.append(path)
        libraries = _executable(tree, path, search_path, "asked for")
    if plugins and libraries is not None:
        found.missing = libraries.open(plugins)
    found.binds = sorted((path, sysroot + real) for path, real in tree.wanted.items())
    found.files = [(real, sysroot + real) for real in sorted(set(tree.wanted.values()))]
    found.links = sorted(tree.links.items())
    found.reasons = tree.reasons
    return found


class _Tree:
    """The host's tree, and what of it is wanted.

    Attributes:
        wanted: each looked-up path with the path after all links.
        links: each link that was met on the way.
        reasons: by the path after all links, why a file is wanted.
    """

    __slots__ = ("_cache", "links", "reasons", "sysroot", "wanted")

    def __init__(self, sysroot: str) -> None:
        self.sysroot = sysroot.rstrip("/")
        self.wanted: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.reasons: dict[str, list[str]] = {}
        self._cache: dict[str, list[str]] | None = None

    def find(self, path: str) -> "tuple[str, dict[str, str]] | None":
        """Return the path of a regular file after all links, and the links; None where none is."""
        here = ""
        links: dict[str, str] = {}
        todo = path.split("/")[::-1]
        followed = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.rpartition("/")[0]
                continue
            step = f"{here}/{name}"
            try:
                mode = os.lstat(self.sysroot + step).st_mode
                target = os.readlink(self.sysroot + step) if S_ISLNK(mode) else None
            except (OSError, ValueError):
                return None
            if target is None:
                if todo and not S_ISDIR(mode):
                    return None
                here = step
                continue
            followed += 1
            if followed > _LINKS_MAX:
                return None
            links[step] = target
            if target.startswith("/"):
                here = ""
            todo.extend(target.split("/")[::-1])
        return (here, links) if here and S_ISREG(mode) else None

    def want(self, path: str, real: str, links: "dict[str, str]", why: str) -> None:
        """Bring a file along, under the path that it is looked up by and where it really is."""
        if len(self.wanted) >= _FILES_MAX:
            raise errors.SpecError(f"a program that needs more than {_FILES_MAX} files")
        self.wanted[plain(path)] = real
        reasons = self.reasons.setdefault(real, [])
        if why not in reasons:
            reasons.append(why)
        self.links.update(links)

    def names(self, directory: str) -> "list[str]":
        """Return the names in a directory; none where it lacks."""
        try:
            return sorted(os.listdir(self.sysroot + directory))
        except OSError:
            return []

    def read(self, path: str, limit: int) -> bytes:
        """Return a file's first bytes; none where it lacks."""
        found = self.find(path)
        return elf.strings_of(self.sysroot + found[0], limit) if found else b""

    def cached(self, name: str) -> "list[str]":
        """Return the paths that ld.so.cache has for a name."""
        if self._cache is None:
            data = self.read(CACHE, _CACHE_BYTES)
            try:
                self._cache = elf.cache(data) if data else {}
            except errors.SpecError:  # the loader passes over a cache that it can't read
                self._cache = {}
        return self._cache.get(name, [])


def plain(path: str) -> str:
    """Return an absolute path without "//", "." and ".."."""
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return "/" + "/".join(names)


# ---- programs and scripts -----------------------------------------------------------------


def _program(tree: _Tree, program: str, search_path: str, who: str = "") -> str:
    """Return a program's absolute path; `who` needs it, for the error."""
    if program.startswith("/"):
        if tree.find(program) is None:
            raise errors.NotFoundError(f'program "{program}": no such file', program=True)
        return plain(program)
    if "/" in program or not program:
        raise errors.UsageError(
            f'program "{program}" is neither a name nor an absolute path',
            hint="the box has its own working directory; give the whole path",
        )
    for directory in search_path.split(":"):
        path = f"{directory.rstrip('/')}/{program}"
        if not path.startswith("/"):
            continue
        found = tree.find(path)
        if found and os.access(tree.sysroot + found[0], os.X_OK):
            return plain(path)
    message = f'{who}program "{program}": not found in "{search_path}"'
    raise errors.NotFoundError(message, program=True)


def _executable(tree: _Tree, path: str, search_path: str, why: str) -> "_Libraries | None":
    """Bring a program or script along, with what starts it; returns the libraries of that."""
    for _depth in range(_SCRIPTS_MAX + 1):
        found = tree.find(path)
        if found is None:
            raise errors.NotFoundError(f'program "{path}": no such file')
        tree.want(path, *found, why)
        host = tree.sysroot + found[0]
        binary = elf.read(host)
        if binary is not None:
            libraries = _Libraries(tree, path, found[0], binary)
            libraries.run()
            return libraries
        line = _script(host, path)
        if line is None:
            return None  # no kernel format: execve(2) will say so, or binfmt_misc knows it
        interpreter, argument = line
        if not interpreter.startswith("/"):
            raise errors.SpecError(f'"{path}": its interpreter "{interpreter}" is no absolute path')
        if tree.find(interpreter) is None:
            raise errors.NotFoundError(f'interpreter "{interpreter}" of "{path}": no such file')
        why = f"interpreter of {path}"
        named = behind_env(interpreter, argument)
        if named:
            _executable(tree, interpreter, search_path, why)
            interpreter = _program(tree, named, search_path, f'interpreter of "{path}": ')
        path = plain(interpreter)
    raise errors.SpecError(f'"{path}": more than {_SCRIPTS_MAX} interpreters one behind the other')


def _script(host: str, path: str) -> "tuple[str, str] | None":
    try:
        return elf.interpreter_line(elf.strings_of(host, 256))
    except errors.SpecError as error:
        raise errors.SpecError(f'"{path}": {error}') from None


def behind_env(interpreter: str, argument: str) -> str:
    """Return the program that `env` will start; "" where the interpreter is no env."""
    if interpreter.rpartition("/")[2] != "env":
        return ""
    words = argument.split()
    if not argument.startswith(("-S", "--split-string")):
        return argument  # the kernel passes all of it as one word
    words[0] = words[0].removeprefix("--split-string").removeprefix("-S").removeprefix("=")
    for word in words:
        if word and not word.startswith("-") and "=" not in word:
            return word
    return ""


# ---- libraries ----------------------------------------------------------------------------


class _Loaded:
    """A file in the queue of the loader, with the one that asked for it."""

    __slots__ = ("asker", "elf", "origin", "path")

    def __init__(
        self, found: "elf.Elf", path: str, origin: str, asker: "_Loaded | None" = None
    ) -> None:
        self.elf = found
        self.path = path
        self.origin = origin
        self.asker = asker


class _Libraries:
    """The libraries of one program, in the order of its loader."""

    __slots__ = ("_abi", "_default_dirs", "_is_musl", "_known", "_path", "_queue", "_tree")

    def __init__(self, tree: _Tree, path: str, real: str, binary: "elf.Elf") -> None:
        self._tree = tree
        self._path = path
        self._abi = binary.abi
        self._known: set[str] = set()
        self._queue = [_Loaded(binary, path, _directory(real))]
        self._is_musl = False
        self._default_dirs: list[str] = []

    def run(self) -> None:
        binary = self._queue[0].elf
        if not binary.interpreter:
            return  # static, or the loader itself
        self._loader(binary.interpreter)
        self._load(0)

    def _load(self, done: int) -> None:
        """Bring along what the files in the queue need, from a place on."""
        while done < len(self._queue):
            asker = self._queue[done]
            done += 1
            for name, must in elf.items(asker.elf):
                if name not in self._known:
                    self._known.add(name)
                    self._library(asker, name, must=must)

    def open(self, paths: "tuple[str, ...]") -> "list[str]":
        """Bring plug-ins along; returns what they lack: they may never be opened."""
        known, missing = self._known, []
        for path in paths:
            # each as if it were the first: which ones are opened together is not known
            self._known, start = set(known), len(self._queue)
            found = self._tree.find(path)
            plugin = elf.read(self._tree.sysroot + found[0]) if found else None
            if found is None or plugin is None or plugin.abi != self._abi:
                continue
            self._tree.want(path, *found, f"opened by {self._path}")
            self._queue.append(_Loaded(plugin, path, _directory(path), self._queue[0]))
            try:
                self._load(start)
            except errors.NotFoundError as error:
                missing.append(str(error))
        return missing

    def _loader(self, path: str) -> None:
        found = self._tree.find(path) if path.startswith("/") else None
        if found is None:
            raise errors.NotFoundError(
                f'loader "{path}" of "{self._path}": no such file',
                hint="the program was built for another C library or machine",
            )
        self._tree.want(path, *found, f"loader of {self._path}")
        name = path.rpartition("/")[2]
        self._known.add(name)
        self._is_musl = name.startswith("ld-musl-")
        if self._is_musl:
            self._known.add("libc.so")
            self._default_dirs = self._musl_dirs(name)
            return
        inside = self._tree.read(path, _LOADER_BYTES)
        self._default_dirs = [
            directory for directory in self._candidates() if f"{directory}/\0".encode() in inside
        ] or ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]

    def _candidates(self) -> "Iterator[str]":
        """Yield the directories that are compiled into the loaders of distributions."""
        triplets = _PLATFORMS.get(self._abi[2], ("",))[1:]
        for part in (*triplets, "64", "32", "x32", ""):
            word = f"lib{part}" if part in ("64", "32", "x32", "") else f"lib/{part}"
            yield from (f"/{word}", f"/usr/{word}")

    def _musl_dirs(self, loader: str) -> "list[str]":
        path = f"/etc/{loader.rpartition('.so')[0]}.path"
        found = self._tree.find(path)
        if found is None:
            return ["/lib", "/usr/local/lib", "/usr/lib"]
        self._tree.want(path, *found, f"names the directories of {loader}")
        text = os.fsdecode(self._tree.read(path, _PATH_FILE_BYTES))
        return [word for word in text.replace("\n", ":").split(":") if word.startswith("/")]

    def _library(self, asker: _Loaded, name: str, *, must: bool) -> None:
        """Bring a library along and queue it."""
        if "/" in name:
            places = [[path] for path in self._expand(name, asker.origin)]
        else:
            places = [self._variants(directory, name) for directory in self._own_dirs(asker)]
            if not self._is_musl:
                places.append(self._tree.cached(name))
            if self._is_musl or not asker.elf.no_default_dirs:
                places += [self._variants(directory, name) for directory in self._default_dirs]
        if self._first(asker, name, places) or not must:
            return
        through = "" if asker.path == self._path else f', which "{self._path}" needs'
        raise errors.NotFoundError(
            f'library "{name}" of "{asker.path}"{through}: not found',
            hint=f"`ldd {self._path}` says more",
        )

    def _first(self, asker: _Loaded, name: str, places: "list[list[str]]") -> bool:
        """Take all variants of the first place that has the library."""
        in_cache = [] if self._is_musl or "/" in name else self._tree.cached(name)
        for place in places:
            taken = [path for path in place if self._take(asker, path)]
            if not taken:
                continue
            if place is in_cache and not all(self._is_default(path, name) for path in taken):
                found = self._tree.find(CACHE)
                if found:  # the loader in the box finds it by the cache alone
                    self._tree.want(CACHE, *found, f"names the place of {name}")
            return True
        return False

    def _is_default(self, path: str, name: str) -> bool:
        directory = _directory(path).partition("/glibc-hwcaps/")[0]
        return directory in self._default_dirs and path.endswith(f"/{name}")

    def _take(self, asker: _Loaded, path: str) -> bool:
        """Want a library and queue it, if it is there and fits the program."""
        found = self._tree.find(path)
        if found is None:
            return False
        real, links = found
        host = self._tree.sysroot + real
        if elf.machine(host) != self._abi:
            return False
        library = elf.read(host)
        if library is None:
            return False
        self._tree.want(path, real, links, f"library of {asker.path}")
        if library.soname:
            self._known.add(library.soname)
        self._queue.append(_Loaded(library, path, _directory(path), asker))
        return True

    def _own_dirs(self, asker: _Loaded) -> "Iterator[str]":
        """Yield the directories of DT_RPATH and DT_RUNPATH that count for what `asker` asks for."""
        if self._is_musl or not asker.elf.runpath:
            link: _Loaded | None = asker
            while link is not None:
                own = (link.elf.runpath if self._is_musl else "") or link.elf.rpath
                if self._is_musl or not link.elf.runpath:
                    yield from self._dirs(own, link.origin)
                link = link.asker
        else:
            yield from self._dirs(asker.elf.runpath, asker.origin)

    def _dirs(self, text: str, origin: str) -> "Iterator[str]":
        for entry in text.split(":"):
            for path in self._expand(entry, origin):
                yield path.rstrip("/") or "/"

    def _expand(self, text: str, origin: str) -> "list[str]":
        """Replace $ORIGIN, $LIB and $PLATFORM; what is not absolute then depends on the caller."""
        platforms = _PLATFORMS.get(self._abi[2], ("",))
        libs = [f"lib/{triplet}" for triplet in platforms[1:]] + ["lib64", "lib", "lib32", "libx32"]
        texts = [text]
        for word, values in (
            ("ORIGIN", [origin]),
            ("LIB", libs),
            ("PLATFORM", [platforms[0], *_EXTRA_PLATFORMS]),
        ):
            for token in (f"${{{word}}}", f"${word}"):
                if token in text:
                    texts = [old.replace(token, value) for old in texts for value in values]
        return [found for found in texts if found.startswith("/") and "$" not in found]

    def _variants(self, directory: str, name: str) -> "list[str]":
        """Return the paths where a directory can have a library, those for new processors first."""
        if self._is_musl:
            return [f"{directory}/{name}"]
        names = self._tree.names(f"{directory}/glibc-hwcaps")
        return [
            *(f"{directory}/glibc-hwcaps/{level}/{name}" for level in reversed(names)),
            f"{directory}/{name}",
        ]


def _directory(path: str) -> str:
    return path.rpartition("/")[0]
