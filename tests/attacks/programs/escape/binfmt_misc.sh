#!/bin/sh
# Registers an interpreter of its own for the programs of everybody.
#
# id: F19
# contained: binfmt_misc is not there, or read-only
# expect: OK stdout=refused
if (echo ':owned:M::\x7fELF::/tmp/owned:C' >/proc/sys/fs/binfmt_misc/register) 2>/dev/null; then
    echo CANARY
else
    echo refused
fi
