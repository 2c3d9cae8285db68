#!/bin/sh
# Reads the connections, sockets and neighbours of the machine.
#
# id: I15
# contained: a network namespace of its own: the tables are empty
# expect: OK stdout='nothing found'
for table in tcp tcp6 udp udp6 raw unix packet netlink arp route; do
    lines=$(sed 1d "/proc/net/$table" 2>/dev/null | grep -vc '^Kernel')
    [ "$table" = netlink ] || [ "${lines:-0}" = 0 ] || echo CANARY "$table: $lines"
done
echo 'nothing found'
