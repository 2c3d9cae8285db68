#!/bin/sh
# Opens a connection with nothing but a shell.
#
# id: N21
# contained: of all socket families the policy knows AF_UNIX alone
# expect: VIOLATION syscall=socket
bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 && echo CANARY'
