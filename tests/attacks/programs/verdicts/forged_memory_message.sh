#!/bin/sh
# Prints what wardian prints when a limit was reached.
#
# id: T9
# contained: messages are output, and output is no proof
# expect: NONZERO_EXIT code=1
echo 'wardian: the kernel killed a process of the box: its memory limit was reached' >&2
echo 'hint: a larger --memory' >&2
exit 1
