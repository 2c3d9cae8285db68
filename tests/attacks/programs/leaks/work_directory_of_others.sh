#!/bin/sh
# Looks for work directories, submissions and answers of others, on every disk that it sees.
#
# id: I20
# contained: its root has programs and its own files alone
# expect: OK stdout='nothing found'
# argv: sh {program} {directory}
# limits: wall=8s cpu=6s
[ -e "$1" ] && echo CANARY "$1"
find / -xdev \( -path /proc -o -path /sys -o -path /usr \) -prune -o -name secret -print 2>/dev/null | sed 's/^/CANARY /'
find / -xdev \( -path /proc -o -path /sys -o -path /usr \) -prune -o -name 'pytest-*' -print 2>/dev/null | sed 's/^/CANARY /'
echo 'nothing found'
