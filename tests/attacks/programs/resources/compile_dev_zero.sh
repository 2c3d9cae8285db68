#!/bin/sh
# A source that includes a device which never ends.
#
# id: R56
# contained: the compiler has the limits of any program
# expect: NONZERO_EXIT
# or: MEMORY -- compilers differ in what they do about it
# or: CPU_TIME -- compilers differ in what they do about it
# or: DISK -- compilers write temporary files
# limits: cpu=1s wall=3s processes=16
echo '#include "/dev/zero"' >bomb.c
cc -c bomb.c && echo CANARY
