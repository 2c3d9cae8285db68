{ language: Pascal
  package: fp-compiler
  needs: fpc
  compile: fpc -v0 -oprogram pascal.pas
  run: ./program }
program main;
var
  composite: array[2..99999] of boolean;
  n, count, value, total: longint;
  m, sum: int64;
  f: text;
begin
  writeln('hello, world');
  fillchar(composite, sizeof(composite), 0);
  count := 0;
  sum := 0;
  for n := 2 to 99999 do
    if not composite[n] then
    begin
      inc(count);
      sum := sum + n;
      m := int64(n) * n;
      while m < 100000 do
      begin
        composite[m] := true;
        m := m + n;
      end;
    end;
  writeln(count, ' ', sum);
  assign(f, 'numbers.txt');
  rewrite(f);
  for n := 1 to 1000 do writeln(f, n);
  close(f);
  reset(f);
  total := 0;
  while not eof(f) do
  begin
    readln(f, value);
    total := total + value;
  end;
  close(f);
  writeln(total);
end.
