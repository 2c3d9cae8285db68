#!/bin/bash
# language: bash
# package: bash
# needs: bash
# run: bash bash.sh
echo "hello, world"
sieve() {
    awk 'BEGIN {
        for (n = 2; n < 100000; n++) {
            if (n in composite) continue
            print n
            for (m = n * n; m < 100000; m += n) composite[m] = 1
        }
    }'
}
count=0 sum=0
while read -r n; do
    count=$((count + 1)) sum=$((sum + n))
done < <(sieve)
echo "$count $sum"
seq 1000 >numbers.txt
(sort -n numbers.txt | paste -sd+ >expression) &
wait
cat <<END | cat
$(($(<expression)))
END
