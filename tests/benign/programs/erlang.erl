%% language: Erlang
%% package: erlang-base
%% needs: escript
%% run: escript erlang.erl
%% limits: memory=512m processes=100 cpu=20s wall=30s open-files=1024
-mode(compile).

main(_) ->
    io:format("hello, world~n"),
    Self = self(),
    spawn(fun() -> Self ! {primes, sieve(lists:seq(2, 99999), [])} end),
    receive {primes, Primes} -> ok end,
    io:format("~b ~b~n", [length(Primes), lists:sum(Primes)]),
    ok = file:write_file("numbers.txt", [[integer_to_list(N), "\n"] || N <- lists:seq(1, 1000)]),
    {ok, Text} = file:read_file("numbers.txt"),
    Lines = binary:split(Text, <<"\n">>, [global, trim]),
    io:format("~b~n", [lists:sum([binary_to_integer(Line) || Line <- Lines])]).

sieve([P | Rest], Found) when P * P < 100000 -> sieve([N || N <- Rest, N rem P =/= 0], [P | Found]);
sieve(Rest, Found) -> lists:reverse(Found, Rest).
