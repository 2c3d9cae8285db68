"""The step vocabulary shared with the launcher.

Generated from launcher/steps.def by tools/generate_steps.py; edit that file, then run `make steps`.
A signature has a letter for each argument: u unsigned integer, s string, b bytes, l strings.
"""

# name: (code, signature, argument names)
STEPS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "wait": (0, "", ()),
    "write": (1, "sb", ("path", "data")),
    "unshare": (2, "u", ("flags",)),
    "become_root": (3, "u", ("groups",)),
    "loopback": (4, "", ()),
    "hostname": (5, "s", ("name",)),
    "domainname": (6, "s", ("name",)),
    "propagation": (7, "su", ("path", "flags")),
    "staging": (8, "s", ("size",)),
    "overlay": (9, "slsssu", ("target", "lower", "upper", "work", "options", "flags")),
    "mount": (10, "ssssu", ("source", "target", "type", "options", "flags")),
    "bind": (11, "ssuuu", ("source", "target", "recursive", "attributes", "propagation")),
    "mask": (12, "s", ("path",)),
    "readonly": (13, "s", ("path",)),
    "setattr": (14, "suuuu", ("target", "set", "clear", "propagation", "recursive")),
    "symlink": (15, "ss", ("text", "path")),
    "file": (16, "sub", ("path", "mode", "data")),
    "pivot": (17, "", ()),
    "console": (18, "uuu", ("rows", "columns", "uid")),
    "chdir": (19, "su", ("path", "create")),
    "init": (20, "", ()),
    "session": (21, "u", ("terminal",)),
    "rlimit": (22, "uuu", ("resource", "soft", "hard")),
    "umask": (23, "u", ("mask",)),
    "bounding": (24, "u", ("keep",)),
    "user": (25, "uub", ("uid", "gid", "groups")),
    "capabilities": (26, "uuuu", ("effective", "permitted", "inheritable", "ambient")),
    "no_new_privs": (27, "", ()),
    "seccomp": (28, "ub", ("flags", "filter")),
    "stdio": (29, "", ()),
    "parent_death": (30, "u", ("signal",)),
    "exec": (31, "ll", ("arguments", "environment")),
}
