#!/bin/sh
# Looks for secrets of its supervisor in environments: its own, and that of every process that it sees.
#
# id: I9
# contained: the environment is made new; nothing is inherited
# expect: OK stdout='nothing found'

# The test has set WARDIAN_ATTACK_SECRET in its own environment.
env | grep -a WARDIAN && echo CANARY
for file in /proc/[0-9]*/environ; do
    tr '\0' '\n' <"$file" 2>/dev/null | grep -a WARDIAN && echo CANARY "$file"
done
echo 'nothing found'
