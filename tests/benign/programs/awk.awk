# language: awk
# package: mawk
# needs: awk
# run: awk -f awk.awk
BEGIN {
    print "hello, world"
    for (n = 2; n < 100000; n++) {
        if (n in composite) continue
        count++
        sum += n
        for (m = n * n; m < 100000; m += n) composite[m] = 1
    }
    printf "%d %d\n", count, sum
    for (n = 1; n <= 1000; n++) print n >"numbers.txt"
    close("numbers.txt")
    while (("sort -rn numbers.txt" | getline n) > 0) total += n
    print total
}
