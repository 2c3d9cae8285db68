// language: D
// package: ldc
// needs: ldc2
// heavy: 80 MB
// compile: ldc2 -of=program d.d
// run: ./program
// compile-limits: memory=1g processes=50 cpu=30s wall=60s
import std.algorithm, std.conv, std.range, std.stdio;

void main()
{
    writeln("hello, world");
    auto composite = new bool[100_000];
    long count, sum;
    foreach (n; 2 .. 100_000)
    {
        if (composite[n])
            continue;
        count++;
        sum += n;
        for (long m = cast(long) n * n; m < 100_000; m += n)
            composite[m] = true;
    }
    writeln(count, " ", sum);
    auto file = File("numbers.txt", "w");
    foreach (n; 1 .. 1001)
        file.writeln(n);
    file.close();
    writeln(File("numbers.txt").byLine.map!(to!int).sum);
}
