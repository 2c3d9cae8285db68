# language: Perl
# package: perl
# needs: perl
# run: perl perl.pl
use strict;
use warnings;

$| = 1;
print "hello, world\n";
my @composite;
my ($count, $sum) = (0, 0);
for my $n (2 .. 99999) {
    next if $composite[$n];
    $count++;
    $sum += $n;
    for (my $m = $n * $n; $m < 100000; $m += $n) { $composite[$m] = 1 }
}
print "$count $sum\n";
open my $out, '>', 'numbers.txt' or die;
print $out "$_\n" for 1 .. 1000;
close $out;
my $total = 0;
open my $in, '-|', 'sort', '-n', 'numbers.txt' or die;
$total += $_ while <$in>;
print "$total\n";
