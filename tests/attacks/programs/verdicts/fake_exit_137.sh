#!/bin/sh
# Ends with exit code 137, which means SIGKILL to those who read exit codes.
#
# id: T5
# contained: an exit code is an exit code
# expect: NONZERO_EXIT code=137
exit 137
