"""The step vocabulary shared with the launcher.

Generated from launcher/steps.def by tools/generate_steps.py; edit that file, then run `make steps`.
A signature has a letter for each argument: u unsigned integer, s string, b bytes, l strings.
"""

# name: (code, signature, argument names)
STEPS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "wait": (0, "", ()),
    "await": (1, "u", ("socket",)),
    "continue": (2, "u", ("plan",)),
    "call": (3, "uuuuuub", ("number", "first", "second", "third", "fourth", "fifth", "data")),
    "write": (4, "sb", ("path", "data")),
    "loopback": (5, "", ()),
    "staging": (6, "s", ("size",)),
    "overlay": (7, "slsssu", ("target", "lower", "upper", "work", "options", "flags")),
    "mount": (8, "ssssu", ("source", "target", "type", "options", "flags")),
    "bind": (9, "ssuuuu", ("source", "target", "recursive", "set", "clear", "propagation")),
    "attach": (10, "us", ("mount", "target")),
    "node": (11, "suuuuu", ("path", "mode", "major", "minor", "uid", "gid")),
    "mask": (12, "s", ("path",)),
    "readonly": (13, "s", ("path",)),
    "setattr": (14, "suuuu", ("target", "set", "clear", "propagation", "recursive")),
    "symlink": (15, "ss", ("text", "path")),
    "file": (16, "suub", ("path", "mode", "set", "data")),
    "pivot": (17, "", ()),
    "console": (18, "uuu", ("rows", "columns", "uid")),
    "chdir": (19, "su", ("path", "create")),
    "init": (20, "u", ("farewell",)),
    "seccomp": (21, "ub", ("flags", "filter")),
    "stdio": (22, "", ()),
    "find": (23, "sll", ("path", "arguments", "environment")),
    "exec": (24, "sll", ("path", "arguments", "environment")),
}
