#!/bin/sh
# Starts every set-user-id program of the root, to become somebody else by one.
#
# id: F11
# contained: nosuid mounts and no_new_privs: nobody gains anything
# expect: OK stdout='no gain'
# limits: wall=6s cpu=4s
before=$(grep -E '^(Uid|CapEff|CapPrm|CapInh|CapAmb)' /proc/self/status)
grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status || echo CANARY: new privileges
cp /bin/sh mine && chmod 6755 mine 2>/dev/null
after=$(./mine -p -c "grep -E '^(Uid|CapEff|CapPrm|CapInh|CapAmb)' /proc/self/status")
[ "$before" = "$after" ] || echo CANARY: "$after"
echo 'no gain'
