"""The step vocabulary shared with the launcher.

Generated from launcher/steps.def by tools/generate_steps.py; edit that file, then run `make steps`.
A signature has one letter for each argument: u unsigned integer, s string, b bytes, l list of strings.
"""

# name: (code, signature, argument names)
STEPS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "wait": (0, "", ()),
    "write": (1, "sb", ("path", "data")),
    "setns": (2, "su", ("path", "kind")),
    "unshare": (3, "u", ("flags",)),
    "become_root": (4, "u", ("groups",)),
    "loopback": (5, "", ()),
    "hostname": (6, "s", ("name",)),
    "domainname": (7, "s", ("name",)),
    "propagation": (8, "su", ("path", "flags")),
    "staging": (9, "l", ("options",)),
    "overlay": (10, "slsslu", ("target", "lower", "upper", "work", "options", "attributes")),
    "mount": (11, "ssslu", ("source", "target", "type", "options", "attributes")),
    "bind": (12, "ssuuu", ("source", "target", "recursive", "attributes", "propagation")),
    "mask": (13, "s", ("path",)),
    "readonly": (14, "s", ("path",)),
    "setattr": (15, "suuuu", ("target", "set", "clear", "propagation", "recursive")),
    "mkdir": (16, "su", ("path", "mode")),
    "symlink": (17, "ss", ("text", "path")),
    "mknod": (18, "suuuu", ("path", "mode", "device", "uid", "gid")),
    "file": (19, "sub", ("path", "mode", "data")),
    "pivot": (20, "", ()),
    "console": (21, "uuu", ("rows", "columns", "uid")),
    "chdir": (22, "su", ("path", "create")),
    "init": (23, "", ()),
    "session": (24, "u", ("terminal",)),
    "rlimit": (25, "uuu", ("resource", "soft", "hard")),
    "umask": (26, "u", ("mask",)),
    "bounding": (27, "u", ("keep",)),
    "user": (28, "uub", ("uid", "gid", "groups")),
    "capabilities": (29, "uuuu", ("effective", "permitted", "inheritable", "ambient")),
    "no_new_privs": (30, "", ()),
    "seccomp": (31, "ub", ("flags", "filter")),
    "stdio": (32, "", ()),
    "parent_death": (33, "u", ("signal",)),
    "exec": (34, "ll", ("arguments", "environment")),
}
