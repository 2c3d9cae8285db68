#!/bin/sh
# Looks for the host's files below the roots, working directories and descriptors of all processes that it sees.
#
# id: F3
# contained: it sees its own processes alone, and their root is its own
# expect: OK stdout=none
# argv: sh {program} {secret}
for process in /proc/[0-9]*; do
    for way in "$process/root" "$process/cwd" "$process/root/proc/1/root" "$process"/fd/*; do
        cat "$way$1" 2>/dev/null
        cat "$way/../../../..$1" 2>/dev/null
    done
done
echo none
