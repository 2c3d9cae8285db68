#!/bin/sh
# Writes to the programs, libraries and settings of the root, deletes them, and changes whose they are.
#
# id: F16
# contained: the root is read-only, or what is written is thrown away; the host's files stay as they are
# expect: OK stdout='nothing changed'
for file in /etc/passwd /etc/shadow /etc/ld.so.preload /etc/ld.so.cache /usr/bin/env /bin/sh /usr/lib/os-release; do
    (echo owned >>"$file") 2>/dev/null && echo CANARY "$file"
    [ -e "$file" ] && rm -f "$file" 2>/dev/null && [ ! -e "$file" ] && echo CANARY rm "$file"
    chmod 777 "$file" 2>/dev/null && echo CANARY chmod "$file"
done
for directory in / /usr /usr/bin /etc /lib /root /home /var /opt /boot; do
    mkdir "$directory/owned" 2>/dev/null && echo CANARY mkdir "$directory"
done
echo 'nothing changed'
