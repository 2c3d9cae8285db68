"""What programs use of Python's library: threads, processes, sockets, timers, files, users, locale.

language: Python, its standard library
package: python3
needs: /usr/bin/python3
run: /usr/bin/python3 python_library.py
limits: memory=512m processes=100 cpu=20s wall=30s
expect: hello, world|threads|processes|subprocess|asyncio|files|users|signals|memory|libraries|done
"""

import asyncio
import concurrent.futures
import ctypes
import decimal
import fcntl
import getpass
import gzip
import hashlib
import json
import locale
import logging
import lzma
import mmap
import multiprocessing
import os
import pathlib
import platform
import pwd
import queue
import random
import re
import resource
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import tracemalloc
import uuid


def square(n):
    return n * n


async def waiting():
    reader, writer = await asyncio.open_unix_connection(sock=None, path="socket")
    writer.write(b"ping\n")
    answer = await reader.readline()
    writer.close()
    return answer


async def serving():
    async def answer(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_unix_server(answer, "socket")
    except OSError:
        return  # unix sockets that have names may be refused; that is no reason to fail
    async with server:
        assert await waiting() == b"ping\n"
    child = await asyncio.create_subprocess_exec("true")
    assert await child.wait() == 0
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(10)))


def main():
    print("hello, world", flush=True)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(square, range(100))) == 328350
    done = queue.Queue()
    threading.Timer(0.001, done.put, (1,)).start()
    assert done.get(timeout=5) == 1
    print("threads", flush=True)
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]
    value = multiprocessing.Value("i", 1)
    with value.get_lock():
        value.value += 1
    print("processes", flush=True)
    shown = subprocess.run("cat | sort | uniq -c", shell=True, input=b"b\na\nb\n", capture_output=True, check=True)
    assert shown.stdout.split() == [b"1", b"a", b"2", b"b"]
    try:
        subprocess.run(["sleep", "10"], timeout=0.01, check=False)
    except subprocess.TimeoutExpired:
        pass
    assert os.popen("echo fine").read() == "fine\n"
    assert os.WEXITSTATUS(os.system("exit 3")) == 3
    print("subprocess", flush=True)
    asyncio.run(serving())
    one, other = socket.socketpair()
    one.sendall(b"x")
    poller = select.epoll()
    poller.register(other, select.EPOLLIN)
    assert poller.poll(5)
    print("asyncio", flush=True)
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place, "file")
        path.write_text("text")
        path.chmod(0o600)
        os.utime(path)
        path.rename(f"{place}/other")
        shutil.copytree(place, "copy")
        os.symlink("copy", "link")
        assert sorted(os.listdir("link")) == ["other"]
        with tarfile.open("all.tar.gz", "w:gz") as archive:
            archive.add("copy")
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fcntl.lockf(lock, fcntl.LOCK_EX)
            os.posix_fallocate(lock.fileno(), 0, 4096)
            os.fsync(lock.fileno())
        shutil.rmtree("copy")
    assert shutil.disk_usage(".").total > 0
    print("files", flush=True)
    for ask in (lambda: pwd.getpwuid(os.getuid()), getpass.getuser, lambda: pwd.getpwnam("root"), pwd.getpwall,
                os.getlogin, os.ttyname and (lambda: os.ttyname(0)), lambda: os.path.expanduser("~"), os.getloadavg,
                lambda: os.getgrouplist("root", 0), platform.platform, lambda: os.sched_getaffinity(0), os.cpu_count,
                lambda: os.nice(1), lambda: os.getpriority(os.PRIO_PROCESS, 0), lambda: resource.getrusage(0),
                lambda: os.sched_yield(), lambda: locale.setlocale(locale.LC_ALL, ""), lambda: os.get_terminal_size(),
                lambda: os.statvfs("/"), lambda: os.sysconf("SC_NPROCESSORS_ONLN"), os.getgroups, os.times,
                lambda: sys.stdin.isatty(), lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
                lambda: os.sched_getparam(0), lambda: os.umask(0o22), lambda: os.getsid(0)):
        try:
            ask()
        except (OSError, KeyError, locale.Error):
            pass
    print("users", flush=True)
    seen = []
    signal.signal(signal.SIGALRM, lambda number, _frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    signal.pause()
    signal.sigtimedwait([signal.SIGUSR1], 0.001)
    os.kill(os.getpid(), signal.SIGALRM)
    time.sleep(0.001)
    assert len(seen) == 2
    print("signals", flush=True)
    with mmap.mmap(-1, 1 << 20) as block:
        block[:4] = b"mine"
        if hasattr(mmap, "MADV_DONTNEED"):
            block.madvise(mmap.MADV_DONTNEED)
    tracemalloc.start()
    bytearray(50 << 20)
    try:
        os.memfd_create("memory")
    except OSError:
        pass
    assert ctypes.CDLL(None).abs(-3) == 3
    print("memory", flush=True)
    database = sqlite3.connect("data.db")
    database.execute("CREATE TABLE t (n)")
    database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
    database.commit()
    assert database.execute("SELECT sum(n) FROM t").fetchone() == (4950,)
    assert gzip.decompress(gzip.compress(b"x" * 1000)) == lzma.decompress(lzma.compress(b"x" * 1000))
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
    ssl.create_default_context()
    logging.getLogger().warning("to standard error")
    uuid.uuid4(), uuid.uuid1(), random.random(), os.urandom(8), os.getrandom(8)
    assert decimal.Decimal(1) / 8 == decimal.Decimal("0.125")
    assert json.loads(json.dumps({"a": [1]}))["a"] == [1] and re.fullmatch("a+", "aaa")
    print("libraries", flush=True)
    print("done")


if __name__ == "__main__":
    main()
