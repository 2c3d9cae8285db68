#!/bin/sh
# A source of ten lines that the preprocessor makes a billion of.
#
# id: R58
# contained: processor time, memory and disk of the compiler
# expect: MEMORY
# or: CPU_TIME -- whichever is first
# or: DISK -- whichever is first
# or: NONZERO_EXIT -- a compiler may give up itself
# limits: cpu=1s wall=4s processes=16
{
    echo '#define A0 1,1,1,1,1,1,1,1,1,1'
    for i in 1 2 3 4 5 6 7 8 9; do
        p=$((i - 1))
        echo "#define A$i A$p,A$p,A$p,A$p,A$p,A$p,A$p,A$p,A$p,A$p"
    done
    echo 'char bomb[] = { A9 };'
} >bomb.c
cc -c bomb.c && echo CANARY
