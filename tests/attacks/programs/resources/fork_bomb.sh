#!/bin/sh
# The fork bomb that everybody knows.
#
# id: R1
# contained: the control group's process limit; then the whole group is killed
# expect: PROCESSES
# or: WALL_TIME -- the shell retries a refused fork for ever; whichever is noticed first
# or: CPU_TIME -- the same
# limits: wall=1s
bomb() { bomb | bomb & }
bomb
while :; do :; done
