#!/bin/sh
# A source of one line whose object has gibibytes.
#
# id: R57
# contained: the size of a file, and the memory of the group
# expect: DISK
# or: NONZERO_EXIT -- the assembler reports the full disk itself
# or: MEMORY -- the assembler keeps it in memory
# or: CPU_TIME -- filling takes time
# limits: cpu=2s wall=5s processes=16
echo 'char bomb[1UL << 32] = { 1 };' >bomb.c
cc -pipe -c bomb.c && echo CANARY
