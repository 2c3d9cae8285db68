"""Unpacks a gibibyte from a mebibyte.

id: R55
contained: the memory limit
expect: MEMORY limit=memory_bytes
or: OK 'stdout=refused: MemoryError' -- the allocator may be told beforehand
limits: cpu=4s wall=8s
"""

import zlib

try:
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    print("CANARY" if len(zlib.decompress(packed)) == 1 << 30 else "less")
except MemoryError:
    print("refused: MemoryError")
