"""Needs nothing: a hundred boxes from asyncio, sixteen at a time."""

import asyncio

import wardian


async def square(number: int, room: asyncio.Semaphore) -> int:
    """Let a box do the work."""
    async with room:
        result = await wardian.arun(["sh", "-c", f"echo $(({number} * {number}))"])
    return int(result.stdout)


async def main() -> None:
    """Start them all and add up what they say."""
    room = asyncio.Semaphore(16)
    print(sum(await asyncio.gather(*(square(number, room) for number in range(100)))))


asyncio.run(main())
