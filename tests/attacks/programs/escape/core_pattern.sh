#!/bin/sh
# Has the kernel start a program of its own, as root, whenever anything on the machine crashes.
#
# id: F4
# contained: /proc/sys is read-only
# expect: OK stdout=refused
if (echo "|/tmp/owned %p" >/proc/sys/kernel/core_pattern) 2>/dev/null; then
    echo CANARY
else
    echo refused
fi
