# language: Nim
# package: nim
# needs: nim
# heavy: 16 MB
# compile: nim c --hints:off --nimcache:/tmp/nim -o:program nim.nim
# run: ./program
# compile-limits: memory=512m processes=50 cpu=30s wall=60s
import std/strutils
echo "hello, world"
var composite: array[100000, bool]
var count, sum = 0
for n in 2 .. 99999:
  if not composite[n]:
    inc count
    sum += n
    for m in countup(n * n, 99999, n):
      composite[m] = true
echo count, " ", sum
var lines: seq[string]
for n in 1 .. 1000: lines.add $n
writeFile("numbers.txt", lines.join("\n"))
var total = 0
for line in lines("numbers.txt"): total += parseInt(line)
echo total
