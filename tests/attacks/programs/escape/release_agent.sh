#!/bin/sh
# Has the kernel start a program as root on the host, by the release_agent of a control group (CVE-2022-0492).
#
# id: F7
# contained: no control group file system is there, and none can be mounted
# expect: OK stdout=none
result=none
for file in $(find / -xdev -name release_agent -o -name notify_on_release 2>/dev/null) /sys/fs/cgroup/*/release_agent; do
    (echo /tmp/owned >"$file") 2>/dev/null && result=CANARY
done
echo $result
