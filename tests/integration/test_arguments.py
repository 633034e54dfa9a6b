"""What travels: every kind of value that a task may take and return, and what happens to one that does not fit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from lineshaft import App, ArgumentError, DamagedRecordError, Retry, TaskFailed
from lineshaft.protocol import wire
from lineshaft.worker import Worker


@dataclass
class Point:
    x: int
    y: int = 0


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


class Parcel(msgspec.Struct):
    weight: float
    to: Point | None = None


class Order(pydantic.BaseModel):
    number: int
    at: datetime
    lines: list[Point] = []


class Pair(NamedTuple):
    left: int
    right: str


class Row(TypedDict):
    name: str
    tags: list[str]


@dataclass
class Fussy:
    """Raises what no decoder expects when it is made from anything but "ok"."""

    text: str

    def __post_init__(self) -> None:
        if self.text != "ok":
            raise RuntimeError(f"cannot be made from {self.text!r}")


class Unready(pydantic.BaseModel):
    """A model whose validator raises what no decoder expects."""

    text: str

    @pydantic.field_validator("text")
    @classmethod
    def look_up(cls, text: str) -> str:
        return {"ok": "fine"}[text]


class Unwritable(pydantic.BaseModel):
    """A model that cannot be written, for a reason no encoder expects."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        raise RuntimeError("not today")


AT = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)

VALUES = [
    (Point, Point(1, 2)),
    (list[Point], [Point(1), Point(2)]),
    (datetime, AT),
    (date, AT.date()),
    (timedelta, timedelta(hours=1)),
    (UUID, UUID(int=7)),
    (Decimal, Decimal("12.50")),
    (Colour, Colour.BLUE),
    (Level, Level.LOW),
    (Parcel, Parcel(1.5, Point(3))),
    (Order, Order(number=1, at=AT, lines=[Point(1)])),
    (Pair, Pair(1, "two")),
    (Row, {"name": "a", "tags": ["b"]}),
    (set[int], {1, 2}),
    (tuple[int, ...], (1, 2, 3)),
    (bytes, b"\x00\xff"),
    (dict[str, Point], {"a": Point(1)}),
    (int | None, None),
    (Literal["a", "b"], "b"),
    (float, 1.5),
    (int, 2**63),
    (int, -(2**53) - 1),
    (str, 'ä€\U0001f600\x00\n"'),
    (list[int], []),
    (Any, {"a": [1, 2.5, None, True]}),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda part: getattr(part, "__name__", None))
async def test_an_argument_arrives_as_what_it_was_and_so_does_the_result(make_app: Callable[..., App], kind: Any, value: Any):
    app = make_app()
    arrived: list[Any] = []

    @app.task
    async def pass_on(positional: kind, *, named: kind) -> kind:
        arrived.extend([positional, named])
        return named

    async with Worker(app):
        result = await (await pass_on.enqueue(value, named=value)).result(timeout=10)
    assert arrived == [value, value]
    assert result == value
    assert {type(item) for item in (*arrived, result)} == {type(value)}


async def test_a_result_without_an_annotation_is_what_json_has(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def locate():
        return {"at": AT, "point": Point(1, 2), "id": UUID(int=7)}

    async with Worker(app):
        result = await (await locate.enqueue()).result(timeout=10)
    assert result == {"at": "2026-11-24T12:30:00Z", "point": {"x": 1, "y": 2}, "id": str(UUID(int=7))}


async def test_a_result_that_is_not_what_the_annotation_says_is_named_where_it_is_asked_for(
    make_app: Callable[..., App],
):
    app = make_app()

    @app.task
    async def lie() -> int:
        return "text"  # type: ignore[return-value]

    async with Worker(app):
        task = await lie.enqueue()
        with pytest.raises(DamagedRecordError, match=task.id):
            await task.result(timeout=10)
        assert await app.get_task(task.id).result(timeout=10) == "text"


async def test_an_argument_that_does_not_fit_its_annotation_fails_the_task_at_once_and_by_name(
    make_app: Callable[..., App],
):
    app = make_app()
    runs: list[Any] = []

    @app.task(retry=Retry(tries=5, base=60))
    async def place(point: Point, colour: Colour = Colour.RED) -> None:
        runs.append(point)

    async with Worker(app):
        for call, named in ((place.call("nowhere"), "point"), (place.call(Point(1), colour="green"), "colour")):
            task = await app.submit(call)
            with pytest.raises(TaskFailed) as caught:
                await task.result(timeout=10)
            assert caught.value.error_type == "ArgumentError"
            assert f"'{named}'" in caught.value.error_message
        with pytest.raises(ArgumentError, match="point"):
            await app.submit(place.call("nowhere"), typed=True)
    assert runs == []


@pytest.mark.parametrize("kind", [Fussy, Unready])
async def test_an_argument_whose_class_raises_anything_fails_its_own_task_and_the_worker_goes_on(
    make_app: Callable[..., App], kind: Any
):
    app = make_app()

    @app.task(retry=Retry(tries=1))
    async def take(what: kind) -> str:
        return what.text

    async with Worker(app, concurrency=5):
        bad, good = await app.enqueue_many([take.call({"text": "bad"}), take.call({"text": "ok"})])
        with pytest.raises(TaskFailed):
            await bad.result(timeout=5)
        assert await good.result(timeout=5) in {"ok", "fine"}


async def test_a_result_whose_class_raises_anything_fails_its_own_task_and_frees_its_slot(make_app: Callable[..., App]):
    app = make_app(grace_s=0.5)

    @app.task(retry=Retry(tries=1))
    async def give() -> Unwritable:
        return Unwritable()

    async with Worker(app, concurrency=1):
        bad, after = await give.enqueue(), await app.submit(app.call(None))
        with pytest.raises(TaskFailed):
            await bad.result(timeout=5)
        assert await after.result(timeout=5) == "pong"


NEWER = b'{"v":2,"digest":"' + b"0" * 32 + b'","task":"ping","queue":"default","args":[],"kwargs":{},"enqueued_ms":"noon"}'


@pytest.mark.parametrize(
    "envelope",
    [b"", b"\xff\xfe", b"[]", b'"text"', b"{}", b'{"v":1}', b'{"v":0}', b"[" * 100_000, b'{"v":1,"digest":1}', NEWER],
    ids=["empty", "no text", "array", "string", "object", "bare", "version 0", "deep", "wrong types", "newer"],
)
async def test_a_record_that_cannot_be_read_stops_nothing_but_its_own_task(
    make_app: Callable[..., App], raw: Any, envelope: bytes
):
    app = make_app()
    raw.mset({"task:odd": envelope, "task:odd:status": "pending"})
    raw.lpush("task_queue", "odd")
    async with Worker(app):
        after = await app.submit(app.call(None))
        assert await after.result(timeout=5) == "pong"
        assert raw.get("task:odd:status") in {"failed", "scheduled"}


async def test_arguments_from_another_program_that_do_not_fit_fail_the_task(make_app: Callable[..., App], raw: Any):
    app = make_app()

    @app.task
    async def double(n: int) -> int:
        return 2 * n

    shapes = [(b"[1,2]", b"{}"), (b"[]", b"{}"), (b"[1]", b'{"n":1}'), (b'["1"]', b"{}"), (b"[]", b'{"m":1}')]
    for number, (args, kwargs) in enumerate(shapes):
        raw.set(f"task:t{number}", wire.encode_envelope("double", "default", args, kwargs, 1, 0))
        raw.set(f"task:t{number}:status", "pending")
        raw.lpush("task_queue", f"t{number}")
    async with Worker(app):
        for number in range(len(shapes)):
            with pytest.raises(TaskFailed) as caught:
                await app.get_task(f"t{number}").result(timeout=5)
            assert caught.value.error_type == "ArgumentError", shapes[number]
            assert "double" in caught.value.error_message
