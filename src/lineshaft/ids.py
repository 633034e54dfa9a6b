"""Ids of tasks made here."""

import os
import time


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as text: 48 bits of milliseconds since the epoch, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(os.urandom(10))
    high, variant = chance >> 68, 0x8000 | (chance >> 54) & 0x3FFF
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{high:03x}-{variant:04x}-{chance & 0xFFFF_FFFF_FFFF:012x}"
