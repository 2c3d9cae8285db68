"""Changes, follows and renames symbolic links that lead to files of the host.

id: F17
contained: a link is resolved inside of the box's root, where the host's files are not
expect: OK stdout='nothing there'
argv: python3 {program} {secret}
"""

import os
import sys

secret = sys.argv[1]
for number, target in enumerate((secret, "/proc/1/root" + secret, "../" * 40 + secret[1:])):
    link = f"link{number}"
    os.symlink(target, link)
    for change in (
        lambda path: print(open(path, encoding="utf-8").read()),
        lambda path: open(path, "r+", encoding="utf-8").write("owned"),
        lambda path: os.chmod(path, 0o777),
        lambda path: os.truncate(path, 0),
        lambda path: os.utime(path, (1, 1)),
    ):
        try:
            change(link)
        except OSError:
            continue
        print("CANARY", target, flush=True)
print("nothing there")
