#!/bin/sh
# Kills, remounts, crashes or reboots the machine by /proc/sysrq-trigger.
#
# id: F6
# contained: the file is read-only or hidden
# expect: OK stdout=refused

# The letter is one that does nothing worse than print help, should it arrive.
if (echo h >/proc/sysrq-trigger) 2>/dev/null; then
    echo CANARY
else
    echo refused
fi
