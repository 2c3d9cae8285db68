#!/bin/sh
# language: sh
# package: dash
# needs: sh
# run: sh dash.sh
trap 'rm -f numbers.txt' EXIT
echo "hello, world"
set -- $(seq 2 99999 | factor 2>/dev/null | sed -n 's/^\([0-9]*\): \1$/\1/p')
sum=0
for n; do sum=$((sum + n)); done
echo "$# $sum"
seq 1000 | tee numbers.txt >/dev/null
total=0
while read -r n; do total=$((total + n)); done <numbers.txt
echo $total
