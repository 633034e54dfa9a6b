"""Scripts changed before the server gets them: to raise at the k-th command, or to tell which commands they send."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lineshaft.errors import LineshaftError
from lineshaft.protocol import loader

# Stands on the first line of a script, so that it sees every command. A server may not let scripts change the real `redis`.
WATCHED = """
local sent, raise_at = {}, %d
local function note(arguments)
  if #sent + 1 == raise_at then error('injected ' .. cjson.encode(sent)) end
  sent[#sent + 1] = arguments
end
local redis = (function(real)
  return {
    call = function(...) note({ ... }) return real.call(...) end,
    pcall = function(...) note({ ... }) return real.pcall(...) end,
  }
end)(redis)
"""
NEVER = 0
READS = {
    "EXISTS", "HGET", "HGETALL", "HEXISTS", "HLEN", "HMGET", "HRANDFIELD", "LINDEX", "LLEN", "LRANGE", "MGET", "SCARD",
    "SISMEMBER", "SMEMBERS", "SRANDMEMBER", "TIME", "TYPE", "ZRANGE", "ZRANGEBYSCORE", "ZRANK", "ZREVRANGEBYSCORE", "ZSCORE",
}  # fmt: skip


def is_write(command: list[Any]) -> bool:
    """Whether a command can change something; the one that only passes the memory limit cannot."""
    return command[0] not in READS | {"PUBLISH"} and not (command[0] == "HDEL" and command[2:] == [""])


@contextmanager
def changed_scripts(change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Have brokers send the scripts with a change."""
    real = loader.load

    def load(name: str) -> loader.Script:
        source = change(real(name).source)
        return replace(real(name), source=source, sha="0" * 40)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "load", load)
        yield


def raising_at(position: int, call: Callable[[], Any]) -> list[list[Any]] | None:
    """Make a call whose scripts raise at a command, counted from 1: the commands before it, or None when there are fewer."""
    prelude = (WATCHED % position).encode()
    try:
        with changed_scripts(lambda source: prelude + source):
            call()
    except LineshaftError as error:
        return told(error, "injected ")
    return None


def commands_of(call: Callable[[], Any]) -> list[list[Any]]:
    """Make a call, of which the reply is lost: the commands that its script sent."""
    before = (WATCHED % NEVER + "local function body()\n").encode()
    after = b"\nend\nbody()\nerror('sent ' .. cjson.encode(sent))"
    try:
        with changed_scripts(lambda source: before + source + after):
            call()
    except LineshaftError as error:
        return told(error, "sent ")
    raise AssertionError("the script did not get to its end")


def told(error: LineshaftError, word: str) -> list[list[Any]]:
    _, found, rest = str(error).partition(word)
    assert found, error
    commands, _ = json.JSONDecoder().raw_decode(rest)
    return commands or []
