\ language: Forth
\ package: gforth
\ needs: gforth
\ run: gforth forth.fs
." hello, world" cr
create composite 100000 allot
composite 100000 erase
variable found
variable sum
: mark ( n -- ) dup dup * begin dup 100000 < while 1 over composite + c! over + repeat 2drop ;
: sieve 100000 2 do composite i + c@ 0= if 1 found +! i sum +! i mark then loop ;
sieve
found @ 0 .r space sum @ 0 .r cr
0 value file
: fill-file 1001 1 do i s>d <# 10 hold #s #> file write-file throw loop ;
s" numbers.txt" w/o create-file throw to file fill-file file close-file throw
create line 80 allot
: add-up 0 begin line 80 file read-line throw while line swap s>number drop + repeat drop ;
s" numbers.txt" r/o open-file throw to file add-up 0 .r cr
bye
