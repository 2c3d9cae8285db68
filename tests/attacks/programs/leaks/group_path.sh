#!/bin/sh
# Looks for names of the host in the path of its control group.
#
# id: I12
# contained: a cgroup namespace of its own: the path is /
# expect: OK stdout='only /'
cut -d: -f3 /proc/self/cgroup | grep -v '^/$' | sed 's/^/CANARY /'
echo 'only /'
