"""What stands in Redis: exact bytes, the places that scripts read blindly, and what is refused."""

import dataclasses
import enum
import math
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pydantic
import pytest

from lineshaft.errors import ArgumentError, DamagedRecordError, UnsupportedVersionError
from lineshaft.model.outcome import Attempt, Failure, failure_of
from lineshaft.protocol import wire

ENVELOPE = (
    b'{"v":1,"digest":"127aa084cb19d079d75df8442d9b4e95","task":"demo.echo","queue":"mail",'
    b'"args":["a",1],"kwargs":{"b":null},"enqueued_ms":1700000000000,"delay_ms":250}'
)
DONE = b'{"v":1,"ended_ms":1700000000000,"started_ms":1699999999000,"session":"s","tries":1,"crashes":0,"value":{"a":[]}}'
FAILED = (
    b'{"v":1,"ended_ms":1700000000000,"started_ms":1699999999000,"session":"s","tries":3,"crashes":1,'
    b'"error":{"type":"ValueError","message":"no","traceback":"tb"}}'
)
ATTEMPT = (
    b'{"v":1,"kind":"error","at_ms":5,"started_ms":3,"session":"s","claim":7,"try_number":2,'
    b'"error":{"type":"ValueError","message":"no","traceback":""}}'
)
DECODERS = [wire.decode_envelope, wire.decode_outcome, wire.decode_attempt]


class TestGoldenRecords:
    """Version 1 never changes: other versions, other languages and the scripts read these very bytes."""

    def test_envelope(self):
        written = wire.encode_envelope("demo.echo", "mail", b'["a",1]', b'{"b":null}', 1_700_000_000_000, 250)

        assert written == ENVELOPE
        read = wire.decode_envelope(ENVELOPE)
        assert (read.v, read.task, read.queue, read.enqueued_ms, read.delay_ms) == (
            *(1, "demo.echo", "mail", 1_700_000_000_000, 250),
        )
        assert (bytes(read.args), bytes(read.kwargs)) == (b'["a",1]', b'{"b":null}')

    def test_outcome_of_a_result(self):
        assert wire.encode_done(1_700_000_000_000, 1_699_999_999_000, "s", 1, 0, b'{"a":[]}') == DONE
        read = wire.decode_outcome(DONE)
        assert (read.ended_ms, read.started_ms, read.session, read.tries, read.crashes, read.error) == (
            *(1_700_000_000_000, 1_699_999_999_000, "s", 1, 0, None),
        )
        assert bytes(read.value) == b'{"a":[]}'

    def test_outcome_of_a_failure(self):
        failure = Failure("ValueError", "no", "tb")
        assert wire.encode_failed(1_700_000_000_000, 1_699_999_999_000, "s", 3, 1, failure) == FAILED
        assert wire.decode_outcome(FAILED).error == failure

    def test_attempt(self):
        attempt = Attempt(
            v=1, kind="error", at_ms=5, started_ms=3, session="s", claim=7, try_number=2, error=Failure("ValueError", "no")
        )
        assert wire.encode_attempt(attempt) == ATTEMPT
        assert wire.decode_attempt(ATTEMPT) == attempt

    def test_what_scripts_write_by_themselves_can_be_read(self):
        ended = wire.decode_outcome(b'{"v":1,"ended_ms":1700000000000}')
        assert (ended.ended_ms, ended.tries, ended.error, bytes(ended.value)) == (1_700_000_000_000, None, None, b"null")
        assert wire.decode_attempt(b'{"v":1,"kind":"retry","at_ms":5,"was":"failed"}').was == "failed"

    @pytest.mark.parametrize("decode", DECODERS)
    def test_a_field_that_this_version_does_not_know_is_passed_over(self, decode):
        """Fields are only ever added, so an older reader meets newer fields of the same version."""
        record = {wire.decode_envelope: ENVELOPE, wire.decode_outcome: DONE, wire.decode_attempt: ATTEMPT}[decode]
        assert decode(record[:-1] + b',"later":{"x":1}}') == decode(record)


class TestFixedPlaces:
    @pytest.mark.parametrize("enqueued_ms", [0, 1_700_000_000_000, 99_999_999_999_999])
    @pytest.mark.parametrize("task", ["t", 'a "quoted" name', "ü" * 50])
    def test_the_digest_stands_where_enqueue_reads_it(self, task: str, enqueued_ms: int):
        written = wire.encode_envelope(task, "default", b"[]", b"{}", enqueued_ms, 0)

        assert written[wire.DIGEST_SLICE].decode() == wire.decode_envelope(written).digest
        assert len(written[wire.DIGEST_SLICE]) == 32

    @pytest.mark.parametrize("ended_ms", [1_000_000_000_000, 1_700_000_000_000, 9_999_999_999_999])
    def test_the_end_stands_where_the_history_reads_it(self, ended_ms: int):
        for written in (
            wire.encode_done(ended_ms, 0, "s" * 40, 10**6, 9, b"1"),
            wire.encode_failed(ended_ms, 0, "", 1, 0, Failure("E", "m")),
        ):
            assert int(written[wire.ENDED_MS_SLICE]) == ended_ms == wire.decode_outcome(written).ended_ms

    def test_the_digest_is_of_the_content_and_not_of_the_times(self):
        def digest(task: str = "t", queue: str = "q", args: bytes = b"[1]", kwargs: bytes = b"{}", at: int = 1) -> bytes:
            return wire.encode_envelope(task, queue, args, kwargs, at, at)[wire.DIGEST_SLICE]

        assert digest(at=1) == digest(at=2)
        others = [digest("u"), digest(queue="r"), digest(args=b"[2]"), digest(kwargs=b'{"a":1}')]
        assert len({digest(), *others}) == 5

    def test_the_order_of_named_arguments_makes_no_other_task(self):
        names = str
        assert wire.encode_arguments((), {"a": 1, "b": {"y": 1, "x": 2}}, names) == wire.encode_arguments(
            (), {"b": {"x": 2, "y": 1}, "a": 1}, names
        )


class Colour(enum.Enum):
    RED = "red"
    NOT = float("nan")


class Point(NamedTuple):
    x: float


@dataclasses.dataclass
class Plain:
    x: float


@dataclasses.dataclass(slots=True)
class Slotted:
    x: float


class Struct(msgspec.Struct):
    x: float


class Model(pydantic.BaseModel):
    x: float
    inner: "Model | None" = None


class TestValues:
    @pytest.mark.parametrize(
        ("value", "encoded"),
        [
            (None, b"null"),
            ([1, 2.5, "ü", True, {"a": []}], '[1,2.5,"ü",true,{"a":[]}]'.encode()),
            ((1,), b"[1]"),
            (2**60 + 1, b"1152921504606846977"),
            (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b'"2026-01-02T03:04:05Z"'),
            (date(2026, 1, 2), b'"2026-01-02"'),
            (timedelta(seconds=90), b'"PT90S"'),
            (UUID(int=5), b'"00000000-0000-0000-0000-000000000005"'),
            (Decimal("1.10"), b'"1.10"'),
            (b"a\xff", b'"Yf8="'),
            (Colour.RED, b'"red"'),
            (Plain(1.0), b'{"x":1.0}'),
            (Slotted(1.0), b'{"x":1.0}'),
            (Struct(1.0), b'{"x":1.0}'),
            (Model(x=1.0), b'{"inner":null,"x":1.0}'),
            ([{"m": Model(x=1.0)}], b'[{"m":{"inner":null,"x":1.0}}]'),
        ],
    )
    def test_what_travels_and_how(self, value: Any, encoded: bytes):
        assert msgspec.json.decode(wire.encode_value(value)) == msgspec.json.decode(encoded)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize(
        "around",
        [
            lambda x: x,
            lambda x: [None, [x]],
            lambda x: {"a": {"b": (x,)}},
            lambda x: {1.0, x},
            Plain,
            Slotted,
            Struct,
            Point,
            lambda x: Model(x=x),
            lambda x: [Model(x=1, inner=Model(x=x))],
        ],
    )
    def test_what_is_no_number_is_refused_wherever_it_hides(self, number: float, around):
        with pytest.raises(ValueError, match="JSON has no"):
            wire.encode_value(around(number))

    def test_an_enum_member_that_is_no_number_is_refused_too(self):
        with pytest.raises(ValueError, match="JSON has no"):
            wire.encode_value(Colour.NOT)

    @pytest.mark.parametrize("value", [None, [None], {"a": None}, "null", {"null": "null"}, Model(x=1)])
    def test_a_null_is_no_missing_number(self, value: Any):
        assert b"null" in wire.encode_value(value)

    def test_a_key_that_is_a_number_travels_as_its_text(self):
        assert wire.encode_value({2: "b", 1: "a"}) == b'{"2":"b","1":"a"}'

    @pytest.mark.parametrize("value", [object(), 1j, {(1, 2): 3}, lambda: None, Model, iter([])])
    def test_what_json_cannot_carry_is_refused(self, value: Any):
        with pytest.raises((TypeError, ValueError)):
            wire.encode_value(value)

    @pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"k": "\ud800"}, {"\ud800": 1}])
    def test_a_lone_surrogate_is_refused(self, value: Any):
        with pytest.raises(ValueError, match="surrogate"):
            wire.encode_value(value)

    @pytest.mark.parametrize("innermost", [0, None, math.nan])
    def test_nesting_that_is_too_deep_is_refused_at_whatever_depth_that_is(self, innermost: float | None):
        """The encoder and the look for what is no number each have a limit, and neither may show as a RecursionError."""
        limit = sys.getrecursionlimit()
        for depth in [*range(limit - 150, limit + 50, 3), 20 * limit]:
            value: Any = innermost
            for _ in range(depth):
                value = [value]
            try:
                encoded = wire.encode_value(value)
            except ValueError:
                continue
            assert encoded == b"[" * depth + msgspec.json.encode(innermost) + b"]" * depth

    def test_something_that_holds_itself_is_refused(self):
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(ValueError, match=r"recursion|deep"):
            wire.encode_value(loop)


class TestArguments:
    def names(self, position: int) -> str:
        return ("path", "width", "extra[0]")[position]

    def test_none_at_all_are_written_short(self):
        assert wire.encode_arguments((), {}, self.names) == (b"[]", b"{}")

    @pytest.mark.parametrize(
        ("args", "kwargs", "named"),
        [
            ((1, math.nan), {}, "width"),
            ((1, 2, object()), {}, "extra[0]"),
            ((object(), math.nan), {}, "path"),
            ((1,), {"height": math.inf}, "height"),
            (("\ud800",), {}, "path"),
            ((), {"a": 1, "b": {"c": 1j}}, "b"),
            ((), {"\ud800": 1}, "\ud800"),
        ],
    )
    def test_the_one_that_cannot_travel_is_named(self, args: tuple, kwargs: dict, named: str):
        with pytest.raises(ArgumentError, match="cannot travel as JSON") as refused:
            wire.encode_arguments(args, kwargs, self.names)

        assert refused.value.argument == named
        assert repr(named) in str(refused.value)

    def test_one_that_is_nested_too_deeply_is_named(self):
        deep: Any = None
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises(ArgumentError) as refused:
            wire.encode_arguments((1, deep), {}, self.names)

        assert refused.value.argument == "width"


class TestVersions:
    @pytest.mark.parametrize("decode", DECODERS)
    @pytest.mark.parametrize(
        "record",
        [b'{"v":2}', b'{"v":2,"anything":[1]}', ENVELOPE.replace(b'"v":1', b'"v":2'), b'{"v":99999999999999999999999}'],
    )
    def test_a_newer_record_is_refused_by_its_version(self, decode, record: bytes):
        with pytest.raises(UnsupportedVersionError, match="upgrade"):
            decode(record)

    @pytest.mark.parametrize("decode", DECODERS)
    @pytest.mark.parametrize(
        "record",
        [
            b"",
            b"x",
            b"null",
            b"[]",
            b"{}",
            b'{"v":1}',
            b'{"v":"2"}',
            b'{"v":1.5}',
            b"\xff\xfe",
            b"\x00" * 50,
            b"[" * 100_000,
            b'{"v":1,"args":' + b"[" * 100_000,
            DONE[:-1],
            b'{"v":1,"kind":"\xff","digest":"\xff","ended_ms":1,"session":"\xff"}',
            b'{"v":1,"digest":"d","task":"\xc3\x28","queue":"q","args":[],"kwargs":{},"enqueued_ms":1,"ended_ms":1,"kind":"\xff","session":"\xff"}',
        ],
        ids=lambda record: str(record[:24]),
    )
    def test_garbage_is_a_damaged_record(self, decode, record: bytes):
        with pytest.raises(DamagedRecordError):
            decode(record)

    @pytest.mark.parametrize("version", [0, -1])
    def test_a_version_that_never_was_is_a_damaged_record(self, version: int):
        with pytest.raises(DamagedRecordError):
            wire.decode_envelope(ENVELOPE.replace(b'"v":1', b'"v":%d' % version))


class TestFailures:
    def test_an_exception_becomes_plain_data_without_locals(self):
        secret = "hunter2"  # noqa: F841  it must not be in the traceback
        try:
            raise KeyError("no such picture")
        except KeyError as error:
            failure = failure_of(error)

        assert (failure.type, failure.message) == ("KeyError", "'no such picture'")
        assert "test_an_exception_becomes_plain_data" in failure.traceback
        assert "hunter2" not in failure.traceback

    def test_an_exception_with_surrogates_or_without_text_can_still_be_written(self):
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        for error in (ValueError("a\ud800"), Mute(), ValueError("x" * 100_000)):
            failure = failure_of(error)
            written = wire.encode_failed(1_700_000_000_000, 0, "s", 1, 0, failure)
            assert wire.decode_outcome(written).error == failure
            assert len(written) < 40_000

    def test_a_type_is_named_with_its_module(self):
        assert failure_of(UnicodeError()).type == "UnicodeError"
        assert failure_of(DamagedRecordError("x")).type == "lineshaft.errors.DamagedRecordError"
