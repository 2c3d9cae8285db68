#!/bin/sh
# Installs a package by its name, whose setup would run code of a stranger.
#
# id: L4
# contained: no network; a policy that refuses sockets ends it at the first
# expect: VIOLATION syscall=socket
# or: NONZERO_EXIT -- where pip is not there, or answers itself
# limits: wall=10s cpu=8s memory=256m
exec python3 -m pip install --no-input --retries 0 --timeout 1 --disable-pip-version-check --no-cache-dir wardian-attack-that-is-not-there
