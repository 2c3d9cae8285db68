// language: Java
// package: default-jdk-headless
// needs: java javac
// compile: javac Main.java
// makes: Main.class
// run: java -Xmx64m Main
// limits: memory=512m processes=100 cpu=20s wall=30s
// compile-limits: memory=1g processes=100 cpu=30s wall=60s
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Main {
    public static void main(String[] words) throws IOException {
        System.out.println("hello, world");
        BitSet composite = new BitSet(100_000);
        int count = 0;
        long sum = 0;
        for (int n = 2; n < 100_000; n++) {
            if (composite.get(n)) {
                continue;
            }
            count++;
            sum += n;
            for (long m = (long) n * n; m < 100_000; m += n) {
                composite.set((int) m);
            }
        }
        System.out.println(count + " " + sum);
        Path file = Path.of("numbers.txt");
        String text = IntStream.rangeClosed(1, 1000).mapToObj(Integer::toString).collect(Collectors.joining("\n"));
        Files.writeString(file, text);
        System.out.println(Files.readAllLines(file).parallelStream().mapToInt(Integer::parseInt).sum());
        System.gc();
    }
}
