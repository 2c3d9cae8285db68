"""Mount options: the specification's words as flags, attributes, propagation and data (pure).

A bind mount is made by open_tree(2) and takes attributes (mount_setattr(2)); a file system is
mounted by mount(2) and takes flags. A word that is neither goes to the file system as data, as the
specification asks. A word that begins with "r" and names an attribute counts for the mounts below
too; "rbind" and the propagations are older and mean what they always did.

Source: opencontainers/runtime-spec, config.md "Linux mount options".
Kernel: mount(2), mount_setattr(2).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/mount.h
MOUNT_ATTR_RDONLY = 0x00000001
MOUNT_ATTR_NOSUID = 0x00000002
MOUNT_ATTR_NODEV = 0x00000004
MOUNT_ATTR_NOEXEC = 0x00000008
MOUNT_ATTR__ATIME = 0x00000070
MOUNT_ATTR_NOATIME = 0x00000010
MOUNT_ATTR_STRICTATIME = 0x00000020
MOUNT_ATTR_NODIRATIME = 0x00000080
MOUNT_ATTR_NOSYMFOLLOW = 0x00200000

# sys/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25

# option: (mount(2) flag, mount_setattr(2) attribute); the second word takes the first one back
FLAGS = {
    "ro": (MS_RDONLY, MOUNT_ATTR_RDONLY),
    "nosuid": (MS_NOSUID, MOUNT_ATTR_NOSUID),
    "nodev": (MS_NODEV, MOUNT_ATTR_NODEV),
    "noexec": (MS_NOEXEC, MOUNT_ATTR_NOEXEC),
    "noatime": (MS_NOATIME, MOUNT_ATTR_NOATIME),
    "strictatime": (MS_STRICTATIME, MOUNT_ATTR_STRICTATIME),
    "nodiratime": (MS_NODIRATIME, MOUNT_ATTR_NODIRATIME),
    "nosymfollow": (MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW),
    "sync": (MS_SYNCHRONOUS, 0),
    "dirsync": (MS_DIRSYNC, 0),
    "mand": (MS_MANDLOCK, 0),
    "iversion": (MS_I_VERSION, 0),
    "lazytime": (MS_LAZYTIME, 0),
    "silent": (MS_SILENT, 0),
    "relatime": (MS_RELATIME, 0),
    "remount": (MS_REMOUNT, 0),
}
OPPOSITES = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "atime": "noatime",
    "nostrictatime": "strictatime",
    "norelatime": "relatime",
    "diratime": "nodiratime",
    "symfollow": "nosymfollow",
    "async": "sync",
    "nomand": "mand",
    "noiversion": "iversion",
    "nolazytime": "lazytime",
    "loud": "silent",
}
PROPAGATION = {
    "private": MS_PRIVATE,
    "shared": MS_SHARED,
    "slave": MS_SLAVE,
    "unbindable": MS_UNBINDABLE,
}
_ATTRIBUTE_WORDS = frozenset(word for word, (_flag, attribute) in FLAGS.items() if attribute)
_RECURSIVE = frozenset(
    "r" + word
    for word in (*_ATTRIBUTE_WORDS, *OPPOSITES, "relatime")
    if word in _ATTRIBUTE_WORDS
    or OPPOSITES.get(word) in (*_ATTRIBUTE_WORDS, "relatime")
    or word == "relatime"
)
_ATIME = frozenset(("noatime", "strictatime", "relatime", "atime", "nostrictatime", "norelatime"))
_OTHERS = ("bind", "defaults", "idmap", "rbind", "ridmap", "tmpcopyup")

# every word that is not data, for the features document
KNOWN = tuple(
    sorted(
        {
            *FLAGS,
            *OPPOSITES,
            *_RECURSIVE,
            *PROPAGATION,
            *("r" + word for word in PROPAGATION),
            *_OTHERS,
        }
    )
)


class MountOptions:
    """What a mount's options say.

    Attributes:
        flags: MS_* for mount(2).
        on, off: MOUNT_ATTR_* to set and to clear on the mount alone.
        below_on, below_off: likewise for it and all below.
        propagation: MS_PRIVATE ... with MS_REC, or 0.
        bind, recursive: a bind mount, and of the whole tree.
        idmap: "", "idmap" or "ridmap".
        copy_up: a tmpfs begins with what was there.
        data: what the file system itself understands.
    """

    __slots__ = (
        "below_off",
        "below_on",
        "bind",
        "copy_up",
        "data",
        "flags",
        "idmap",
        "off",
        "on",
        "propagation",
        "recursive",
    )

    def __init__(self, words: "Iterable[str]") -> None:
        self.flags = self.on = self.off = self.below_on = self.below_off = self.propagation = 0
        self.bind = self.recursive = self.copy_up = False
        self.idmap = ""
        self.data: list[str] = []
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        if word in FLAGS or word in OPPOSITES:
            self._flag(word)
        elif word in _RECURSIVE:
            self._below(word[1:])
        elif word.removeprefix("r") in PROPAGATION:
            recursive = MS_REC if word.startswith("r") else 0
            self.propagation = PROPAGATION[word.removeprefix("r")] | recursive
        elif word in ("bind", "rbind"):
            self.bind, self.recursive = True, word == "rbind"
        elif word in ("idmap", "ridmap"):
            self.idmap = word
        elif word == "tmpcopyup":
            self.copy_up = True
        elif word != "defaults":
            self.data.append(word)

    def _flag(self, word: str) -> None:
        flag, attribute = FLAGS[OPPOSITES.get(word, word)]
        if word in OPPOSITES:
            self.flags &= ~flag
            self.on, self.off = _cleared(self.on, self.off, word, attribute)
        else:
            self.flags |= flag
            self.on, self.off = _set(self.on, self.off, word, attribute)

    def _below(self, word: str) -> None:
        attribute = FLAGS[OPPOSITES.get(word, word)][1]
        change = _cleared if word in OPPOSITES else _set
        self.below_on, self.below_off = change(self.below_on, self.below_off, word, attribute)


def _set(on: int, off: int, word: str, attribute: int) -> tuple[int, int]:
    if word in _ATIME:  # one of three values: what was there is cleared first
        return on & ~MOUNT_ATTR__ATIME | attribute, off | MOUNT_ATTR__ATIME
    return on | attribute, off & ~attribute


def _cleared(on: int, off: int, word: str, attribute: int) -> tuple[int, int]:
    if word in _ATIME:
        return on & ~MOUNT_ATTR__ATIME, off | MOUNT_ATTR__ATIME
    return on & ~attribute, off | attribute
