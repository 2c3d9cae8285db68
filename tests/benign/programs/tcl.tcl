# language: Tcl
# package: tcl
# needs: tclsh
# run: tclsh tcl.tcl
puts "hello, world"
proc sieve {} {
    set count 0
    set sum 0
    array set composite {}
    for {set n 2} {$n < 100000} {incr n} {
        if {[info exists composite($n)]} continue
        incr count
        incr sum $n
        for {set m [expr {$n * $n}]} {$m < 100000} {incr m $n} {set composite($m) 1}
    }
    puts "$count $sum"
}
sieve
set file [open numbers.txt w]
for {set n 1} {$n <= 1000} {incr n} {puts $file $n}
close $file
set file [open numbers.txt]
puts [tcl::mathop::+ {*}[read -nonewline $file]]
