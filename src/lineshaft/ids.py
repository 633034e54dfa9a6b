"""Ids of tasks made here: new ones, and those that stand for an idempotency key."""

import hashlib
import os
import re
import time

KEY_RULE = "1 to 255 printable ASCII characters, no quotes or backslashes, and no spaces at its ends"

_KEY = re.compile(r"(?! )[ !#-\[\]-~]{1,255}(?<! )")


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as text: 48 bits of milliseconds since the epoch, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(os.urandom(10))
    high, variant = chance >> 68, 0x8000 | (chance >> 54) & 0x3FFF
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{high:03x}-{variant:04x}-{chance & 0xFFFF_FFFF_FFFF:012x}"


def is_idempotency_key(key: str) -> bool:
    """Whether it can be one: KEY_RULE says what can."""
    return _KEY.fullmatch(key) is not None


def id_of_key(key: str) -> str:
    """The id of the task that goes by an idempotency key: `key-`, then the first 48 hex digits of the key's SHA-256.

    It depends on nothing else: one key stands for one task of a namespace, whatever it runs. A program in any language can
    make the same id, and ask for the task.
    """
    return "key-" + hashlib.sha256(key.encode()).hexdigest()[:48]
