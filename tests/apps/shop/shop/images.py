"""CPU work: pictures and checksums, in plain Python so that it costs a core what it costs."""

from __future__ import annotations

import hashlib

from shop.celery import shop


@shop.task
def thumbnail(seed: int, size: int = 256, factor: int = 8) -> str:
    """Draw a grey picture of `size` pixels a side, shrink it by `factor`, return the result's checksum."""
    picture = [[(x * y + seed) % 256 for x in range(size)] for y in range(size)]
    small = bytearray()
    for top in range(0, size, factor):
        for left in range(0, size, factor):
            box = (picture[y][x] for y in range(top, top + factor) for x in range(left, left + factor))
            small.append(sum(box) // factor**2)
    return hashlib.sha256(small).hexdigest()


@shop.task(acks_late=False)
def checksum(seed: int, rounds: int = 20_000) -> str:
    """Stretch a checksum over `rounds` rounds, in C."""
    return hashlib.pbkdf2_hmac("sha256", str(seed).encode(), b"shop", rounds).hex()
