"""Ids of our own: UUIDs of version 7, and those made from idempotency keys."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest

from lineshaft.ids import id_of_key, is_idempotency_key, new_id
from lineshaft.protocol.keys import is_task_id


def ms_of(task_id: str) -> int:
    return int(task_id.replace("-", "")[:12], 16)


def test_an_id_has_the_shape_of_a_uuid_of_version_7():
    for _ in range(1000):
        task_id = new_id()
        read = UUID(task_id)
        assert str(read) == task_id
        assert (read.version, read.variant) == (7, RFC_4122)
        assert is_task_id(task_id)


def test_it_begins_with_the_time_in_ms():
    before = time.time_ns() // 1_000_000
    found = ms_of(new_id())

    assert before <= found <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("ms", [0, 1, 0xFFFF, 0x10000, 1_700_000_000_000, 2**48 - 1])
def test_the_time_stands_in_its_48_bits_whatever_it_is(monkeypatch: pytest.MonkeyPatch, ms: int):
    monkeypatch.setattr(time, "time_ns", lambda: ms * 1_000_000 + 999_999)

    assert ms_of(new_id()) == ms


def test_ids_of_later_milliseconds_sort_behind(monkeypatch: pytest.MonkeyPatch):
    now_ns = 1_700_000_000_000_000_000
    ids = []
    for step in range(500):
        monkeypatch.setattr(time, "time_ns", lambda step=step: now_ns + step * 1_000_000)
        ids.append(new_id())

    assert ids == sorted(ids)


def test_ids_are_unique_even_within_one_millisecond_and_between_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    with ThreadPoolExecutor(4) as pool:
        ids = [task_id for made in pool.map(lambda _: [new_id() for _ in range(5000)], range(4)) for task_id in made]

    assert len(set(ids)) == 20_000


def test_every_random_bit_varies():
    ones, zeros = 0, 0
    for _ in range(200):
        number = UUID(new_id()).int
        ones, zeros = ones | number, zeros | ~number
    random_bits = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)

    assert ones & random_bits == zeros & random_bits == random_bits


def test_a_key_leads_to_one_id_that_any_program_can_make():
    # printf %s 'order 4711/mail' | sha256sum | cut -c1-48
    assert id_of_key("order 4711/mail") == "key-78f461127fd46f965c1cbb251883733552f2a2998f28c019"
    assert is_task_id(id_of_key("order 4711/mail"))


def test_what_can_be_a_key():
    assert all(is_idempotency_key(key) for key in ("a", "a b", "~!#[]", "a" * 255))
    assert not any(is_idempotency_key(key) for key in ("", " ", " a", "a ", "a\n", "a" * 256, '"', "\\", "é", "\x7f"))
