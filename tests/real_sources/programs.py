"""Real programs: where their sources come from, how they are built, what comes out.

Each is built as its own documents say, with the flags that are usual; nothing is said to any of
them about reproducibility.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program.

    Attributes:
        name: in the table.
        what: language and kind.
        package: of Debian's sources, or of PyPI where there is a "==".
        build: a shell script that runs in the source.
        outputs: what comes out.
        needs: Debian packages besides a C compiler and make.
        box: what the box is shown besides, as words of `wardian repro run`.
    """

    name: str
    what: str
    package: str
    build: str
    outputs: tuple[str, ...]
    needs: tuple[str, ...] = ()
    box: tuple[str, ...] = ()


CONFIGURE = "./configure -q && make -s"
PROGRAMS = (
    Program(
        name="hello", what="C, autotools", package="hello", build=CONFIGURE, outputs=("hello",)
    ),
    Program(
        name="zlib",
        what="C library",
        package="zlib",
        build="CFLAGS='-O2 -g' ./configure >configured && make -s libz.a shared",
        outputs=("libz.a", "libz.so*"),
    ),
    Program(
        name="lua",
        what="C, one call of the compiler",
        package="lua5.4",
        build="echo '#define DEB_HOST_MULTIARCH \"\"' >src/lua5.4-deb-multiarch.h;"
        " cc -g -O2 -DLUA_USE_LINUX -o lua $(ls src/*.c | grep -v luac.c) -Wl,-E -lm -ldl",
        outputs=("lua",),
    ),
    Program(
        name="sqlite",
        what="C, amalgamated by Tcl",
        package="sqlite3",
        build=f"{CONFIGURE.replace('-q', '-q --disable-readline --disable-tcl')} sqlite3 sqlite3.c",
        outputs=("sqlite3", "sqlite3.c"),
        needs=("tcl",),
    ),
    Program(
        name="jq",
        what="C, autoreconf",
        package="jq",
        build=f"autoreconf -i >/dev/null 2>&1; {CONFIGURE.replace('-q', '-q --disable-docs')}",
        outputs=("jq", ".libs/libjq.a"),
        needs=("autoconf", "automake", "libtool", "libonig-dev", "bison", "flex"),
    ),
    Program(
        name="bash",
        what="C, autotools",
        package="bash",
        build=CONFIGURE,
        outputs=("bash", "bashbug"),
        needs=("bison",),
    ),
    Program(
        name="bzip2",
        what="C, make; its release as a tarball",
        package="bzip2",
        build="make -s bzip2 libbz2.a && tar czf bzip2-bin.tar.gz bzip2 libbz2.a bzlib.h *.txt",
        outputs=("bzip2", "libbz2.a", "bzip2-bin.tar.gz"),
    ),
    Program(
        name="less",
        what="C, autotools",
        package="less",
        build=CONFIGURE,
        outputs=("less",),
        needs=("libncurses-dev",),
    ),
    Program(
        name="ninja",
        what="C++, bootstraps itself",
        package="ninja-build",
        build="CXXFLAGS=-g python3 configure.py --bootstrap >built",
        outputs=("ninja", "build.ninja"),
        needs=("g++",),
    ),
    Program(
        name="go-md2man",
        what="Go",
        package="go-md2man-v2",
        build="export GO111MODULE=off GOPATH=$HOME/go; "
        "at=$GOPATH/src/github.com/cpuguy83/go-md2man/v2; mkdir -p $(dirname $at); "
        "ln -s $(pwd) $at; for one in /usr/share/gocode/src/github.com/*/*; do "
        "to=$GOPATH/src/${one#/usr/share/gocode/src/}; "
        "[ -e $to ] || { mkdir -p $(dirname $to); ln -s $one $to; }; done; "
        "here=$(pwd); cd $at/. && go build -o $here/go-md2man .",
        outputs=("go-md2man",),
        needs=("golang-go", "golang-github-russross-blackfriday-v2-dev"),
    ),
    Program(
        name="markupsafe",
        what="Python extension in C, as a wheel",
        package="markupsafe==2.1.5",
        build="python3 setup.py -q bdist_wheel",
        outputs=("dist/*.whl",),
        needs=("python3-dev", "python3-setuptools", "python3-wheel"),
    ),
    Program(
        name="six, its manual",
        what="Sphinx document",
        package="six==1.17.0",
        build="sphinx-build -q -D extensions=sphinx.ext.ifconfig -D today_fmt='%d %B %Y'"
        " documentation html",
        outputs=("html",),
        needs=("python3-sphinx",),
    ),
    Program(
        name="commons-codec",
        what="Java archive",
        package="libcommons-codec-java",
        build="mkdir classes && javac -nowarn -encoding ISO-8859-1 -d classes"
        " $(find src/main/java -name '*.java') 2>javac.log && jar cf codec.jar -C classes .",
        outputs=("codec.jar",),
        needs=("default-jdk-headless",),
    ),
    Program(
        name="hello, as a .deb",
        what="dpkg-buildpackage",
        package="hello",
        build="dpkg-buildpackage -b -uc -us -d >built 2>&1 || { tail built >&2; exit 1; };"
        " mkdir made; cp ../hello_*.deb made/",
        outputs=("made/*.deb",),
        needs=("debhelper", "dpkg-dev"),
        box=("--volume", "/var/lib/dpkg:/var/lib/dpkg:ro"),  # which package a library is of
    ),
    Program(
        name="groff's manual",
        what="groff document, PostScript",
        package="gzip",
        build="groff -k -man -Tps gzip.1 > gzip.ps",
        outputs=("gzip.ps",),
        needs=("groff",),
    ),
)
