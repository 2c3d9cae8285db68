#!/bin/sh
# Has a library of its own loaded into every program that is started after it.
#
# id: F25
# contained: it reaches its own programs, in its own box
# expect: OK stdout=done
# limits: processes=16 wall=6s cpu=4s
cat >own.c <<'END'
#include <unistd.h>
__attribute__((constructor)) static void start(void) { if (getuid() == 0 && !access("/etc/shadow", 4)) write(1, "CANARY\n", 7); }
END
cc -shared -fPIC -o own.so own.c && LD_PRELOAD=$PWD/own.so /bin/true
(echo "$PWD/own.so" >/etc/ld.so.preload) 2>/dev/null && echo CANARY
echo done
