% language: Prolog
% package: swi-prolog-nox
% needs: swipl
% run: swipl -q -g main -t halt prolog.pl
% limits: memory=512m processes=50 cpu=20s wall=30s
prime(2).
prime(N) :- between(3, 99999, N), N mod 2 =\= 0, \+ divided(N, 3).
divided(N, D) :- D * D =< N, ( N mod D =:= 0 -> true ; E is D + 2, divided(N, E) ).

main :-
    format("hello, world~n"),
    findall(N, prime(N), Primes),
    length(Primes, Count),
    sum_list(Primes, Sum),
    format("~d ~d~n", [Count, Sum]),
    open('numbers.txt', write, Out),
    forall(between(1, 1000, N), format(Out, "~d.~n", [N])),
    close(Out),
    open('numbers.txt', read, In),
    add(In, 0, Total),
    close(In),
    format("~d~n", [Total]).

add(In, Before, Total) :-
    read(In, Term),
    ( Term == end_of_file -> Total = Before ; Next is Before + Term, add(In, Next, Total) ).
