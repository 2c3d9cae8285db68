#!/bin/sh
# Looks for processes that are not its own, and for paths of the host in their command lines.
#
# id: I10
# contained: a process namespace of its own; process 1 has nothing of the host in its name
# expect: OK stdout='[1-5] processes'
# argv: sh {program} {directory}
count=0
for process in /proc/[0-9]*; do
    [ -e "$process" ] && count=$((count + 1))
    tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -aqxF "$1/secret" && [ "${process#/proc/}" != $$ ] && echo CANARY
done
echo "$count processes"
