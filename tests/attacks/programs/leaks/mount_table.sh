#!/bin/sh
# Looks for paths of the host in its mount table.
#
# id: I11
# contained: mounts have neutral sources; what leads to the host's storage stands in no option that it can read
# expect: OK stdout='nothing found'
# argv: sh {program} {root}
for file in mountinfo mounts mountstats; do
    grep -F "$1" "/proc/self/$file" && echo CANARY "$file"
done
echo 'nothing found'
