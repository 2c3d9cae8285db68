#!/bin/sh
# Sets the program that the kernel starts as root to load a module, and has it started by an unknown executable format.
#
# id: F18
# contained: /proc/sys is read-only
# expect: OK stdout=refused
printf '\377\377\377\377' >unknown
chmod 755 unknown
if (echo "$PWD/owned" >/proc/sys/kernel/modprobe) 2>/dev/null; then
    echo CANARY
fi
./unknown 2>/dev/null
echo refused
