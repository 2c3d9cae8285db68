<?php
// language: PHP
// package: php-cli
// needs: php
// run: php php.php
echo "hello, world\n";
$composite = array_fill(0, 100000, false);
$count = $sum = 0;
for ($n = 2; $n < 100000; $n++) {
    if ($composite[$n]) continue;
    $count++;
    $sum += $n;
    for ($m = $n * $n; $m < 100000; $m += $n) $composite[$m] = true;
}
echo "$count $sum\n";
file_put_contents("numbers.txt", implode("\n", range(1, 1000)));
echo array_sum(array_map("intval", file("numbers.txt"))), "\n";
