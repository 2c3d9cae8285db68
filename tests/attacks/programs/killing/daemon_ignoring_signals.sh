#!/bin/sh
# A shell that traps every signal and computes in the background, while the run ends.
#
# id: P3
# contained: the end of the run kills everything in its namespace and group
# expect: OK stdout=gone
(
    trap '' HUP INT QUIT TERM TSTP TTIN TTOU USR1 USR2 PIPE CHLD
    exec >&- 2>&- <&-
    while :; do :; done
) &
echo gone
