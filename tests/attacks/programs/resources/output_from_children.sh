#!/bin/sh
# Floods its output from the background, and ends with success itself.
#
# id: R42
# contained: the run ends with its first process; what was written until then counts
# expect: OUTPUT
# or: OK -- the first process may end before the others have written much
# or: SIGNAL -- the same
yes no | tr -d '\n' &
yes | cat >&2 &
sleep 0.2
exit 0
