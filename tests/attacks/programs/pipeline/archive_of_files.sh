#!/bin/sh
# Fills its directory before it is stopped, with names and links that an archive of it must not follow or break on.
#
# id: V26
# contained: the archive of its files holds links as links, and has a largest size
# expect: VIOLATION syscall=unshare
# argv: sh {program} {secret}
# evidence: yes
ln -s "$1" link
ln -s / root
mkfifo fifo
mkdir -p a/b/c
printf x >'a/b/c/../strange
name'
dd if=/dev/zero of=large bs=1M count=8 2>/dev/null
chmod 000 a
unshare -U true
echo CANARY
