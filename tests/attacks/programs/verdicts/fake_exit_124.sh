#!/bin/sh
# Ends with exit code 124, which means a timeout to those who read exit codes.
#
# id: T6
# contained: an exit code is an exit code
# expect: NONZERO_EXIT code=124
exit 124
