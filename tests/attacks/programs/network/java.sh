#!/bin/sh
# Connects to a host by Java, whose own look for internet sockets at its start is refused without a word.
#
# id: N25
# contained: the look is known by the library that makes it; who means to connect goes by another one
# expect: VIOLATION syscall=socket
# or: NONZERO_EXIT code=127 -- where there is no JDK
# limits: memory=512m cpu=20s wall=40s processes=64 disk=32m
cat > J.java <<'END'
public class J {
    public static void main(String[] words) throws Exception {
        try (java.net.Socket socket = new java.net.Socket("192.0.2.1", 80)) {
            System.out.println("CANARY");
        } catch (java.net.SocketException error) {
            System.out.println("CANARY: went on");
        }
    }
}
END
command -v javac > /dev/null || exit 127
exec java -XX:+UseSerialGC J.java
