#!/bin/sh
# Writes new id maps for its own namespace, to be root of the host in it.
#
# id: F20
# contained: a map is written once, by whoever made the namespace
# expect: OK stdout=refused
for file in uid_map gid_map; do # projid_map is for everyone: a project id is a word for a quota
    (echo '0 0 4294967295' >"/proc/self/$file") 2>/dev/null && echo CANARY "$file"
done
echo refused
