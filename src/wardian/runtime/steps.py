"""The step vocabulary shared with the launcher.

Generated from launcher/steps.def by tools/generate_steps.py; edit that file, then run `make steps`.
A signature has a letter for each argument: u unsigned integer, s string, b bytes, l strings.
"""

# name: (code, signature, argument names)
STEPS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "wait": (0, "", ()),
    "await": (1, "u", ("socket",)),
    "call": (2, "uuuuuub", ("number", "first", "second", "third", "fourth", "fifth", "data")),
    "write": (3, "sb", ("path", "data")),
    "loopback": (4, "", ()),
    "staging": (5, "s", ("size",)),
    "overlay": (6, "slsssu", ("target", "lower", "upper", "work", "options", "flags")),
    "mount": (7, "ssssu", ("source", "target", "type", "options", "flags")),
    "bind": (8, "ssuuuu", ("source", "target", "recursive", "set", "clear", "propagation")),
    "attach": (9, "us", ("mount", "target")),
    "node": (10, "suuuuu", ("path", "mode", "major", "minor", "uid", "gid")),
    "mask": (11, "s", ("path",)),
    "readonly": (12, "s", ("path",)),
    "setattr": (13, "suuuu", ("target", "set", "clear", "propagation", "recursive")),
    "symlink": (14, "ss", ("text", "path")),
    "file": (15, "sub", ("path", "mode", "data")),
    "pivot": (16, "", ()),
    "console": (17, "uuu", ("rows", "columns", "uid")),
    "chdir": (18, "su", ("path", "create")),
    "init": (19, "", ()),
    "seccomp": (20, "ub", ("flags", "filter")),
    "stdio": (21, "", ()),
    "find": (22, "sll", ("path", "arguments", "environment")),
    "exec": (23, "sll", ("path", "arguments", "environment")),
}
