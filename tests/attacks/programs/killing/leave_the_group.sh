#!/bin/sh
# Moves itself to another control group.
#
# id: P18
# contained: no control group file system in the box, or a read-only one that ends at its own group
# expect: OK stdout=none
tried=none
for file in $(find /sys /proc/self /run /dev -xdev -name cgroup.procs -o -name tasks -type f 2>/dev/null); do
    if (echo $$ >"$file") 2>/dev/null; then
        tried=CANARY
    fi
done
for directory in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do
    mkdir "$directory/attack" 2>/dev/null && tried=CANARY
done
echo $tried
