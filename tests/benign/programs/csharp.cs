// language: C# (Mono)
// package: mono-mcs
// needs: mcs mono
// heavy: 25 MB
// compile: mcs -out:program.exe csharp.cs
// makes: program.exe
// run: mono program.exe
// limits: memory=512m processes=50 cpu=20s wall=30s
// compile-limits: memory=512m processes=50 cpu=20s wall=30s
using System;
using System.IO;
using System.Linq;

static class Program
{
    static void Main()
    {
        Console.WriteLine("hello, world");
        var composite = new bool[100000];
        long count = 0, sum = 0;
        for (long n = 2; n < composite.Length; n++)
        {
            if (composite[n]) continue;
            count++;
            sum += n;
            for (var m = n * n; m < composite.Length; m += n) composite[m] = true;
        }
        Console.WriteLine(count + " " + sum);
        File.WriteAllLines("numbers.txt", Enumerable.Range(1, 1000).Select(n => n.ToString()));
        Console.WriteLine(File.ReadLines("numbers.txt").Sum(int.Parse));
    }
}
