#!/bin/sh
# Reads what tells addresses, keys and memory of the kernel.
#
# id: F22
# contained: masked, or nothing for who has no capabilities
# expect: OK stdout=nothing
[ -n "$(head -c 64 /proc/kcore 2>/dev/null)" ] && echo CANARY kcore
for file in keys timer_list sched_debug latency_stats vmallocinfo slabinfo pagetypeinfo iomem; do
    [ -s "/proc/$file" ] && [ -n "$(head -c 64 "/proc/$file" 2>/dev/null | tr -d ' \n0-')" ] && echo "readable: $file" >&2
done
awk '$1 !~ /^0+$/ { found = 1; exit } END { exit !found }' /proc/kallsyms 2>/dev/null && echo CANARY kallsyms
cat /proc/keys 2>/dev/null | grep . && echo CANARY keys
echo nothing
