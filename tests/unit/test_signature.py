"""A task function's parameters: what fits them, what becomes of JSON, and who is named where something does not fit."""

import dataclasses
import enum
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pydantic
import pytest

from lineshaft.errors import ArgumentError, ConfigurationError
from lineshaft.model.task import TaskContext
from lineshaft.protocol import wire
from lineshaft.signature import Signature


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: int
    when: datetime | None = None


class Struct(msgspec.Struct):
    x: int


class Model(pydantic.BaseModel):
    x: int
    when: datetime | None = None


class Opaque:
    pass


def plain(path: str, width: int = 640, *, mode: str = "fit", scale: float = 1.0) -> None: ...


def needs_by_name(path: str, *, mode: str) -> None: ...


def rest(first: int, *others: int, **named: Model) -> None: ...


def positional_only(a: int, b: int = 2, /, c: int = 3) -> None: ...


def with_context(ctx: TaskContext, rows: list[str], limit: int = 5) -> None: ...


def with_quoted_context(ctx: "TaskContext", rows: "list[str]") -> None: ...


def context_is_second(rows: list[str], ctx: TaskContext) -> None: ...


def nothing() -> None: ...


def unannotated(a, b=2): ...


def unresolvable(ctx: "TaskContext", a: "Nowhere", b: "int") -> None: ...  # noqa: F821


def round_trip(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    signature = Signature(function, "t")
    return signature.decode(*wire.encode_arguments(args, kwargs, signature.name_of))


class TestCheck:
    @pytest.mark.parametrize(
        ("function", "args", "kwargs"),
        [
            (plain, ("a",), {}),
            (plain, ("a", 1), {}),
            (plain, (), {"path": "a"}),
            (plain, ("a",), {"scale": 2.0, "mode": "x"}),
            (needs_by_name, ("a",), {"mode": "x"}),
            (rest, (1, 2, 3, 4), {"z": 1}),
            (positional_only, (1, 2), {"c": 3}),
            (with_context, (["a"],), {"limit": 1}),
            (nothing, (), {}),
            (unannotated, (1,), {}),
        ],
    )
    def test_what_the_function_could_be_called_with_fits(self, function, args: tuple, kwargs: dict):
        Signature(function, "t").check(args, kwargs)

    @pytest.mark.parametrize(
        ("function", "args", "kwargs", "named"),
        [
            (plain, (), {}, "path"),
            (plain, ("a", 1, 2), {}, None),
            (plain, ("a",), {"path": "b"}, "path"),
            (plain, ("a",), {"hight": 1}, "hight"),
            (needs_by_name, ("a",), {}, "mode"),
            (rest, (), {}, "first"),
            (positional_only, (), {"a": 1}, "a"),
            (with_context, (), {}, "rows"),
            (with_context, (["a"],), {"ctx": 1}, "ctx"),
            (nothing, (1,), {}, None),
        ],
    )
    def test_what_does_not_fit_is_named(self, function, args: tuple, kwargs: dict, named: str | None):
        with pytest.raises(ArgumentError, match=r"task 't' cannot be called like that.*it takes") as refused:
            Signature(function, "t").check(args, kwargs)

        assert refused.value.argument == named
        assert isinstance(refused.value, TypeError)

    @pytest.mark.parametrize("function", [plain, needs_by_name, rest, positional_only, nothing, unannotated])
    @pytest.mark.parametrize("amount", range(6))
    def test_it_agrees_with_python(self, function, amount: int):
        """The quick way for the usual call must not accept or refuse anything that Python would not."""
        try:
            inspect.signature(function).bind(*range(amount))
            fits = True
        except TypeError:
            fits = False
        try:
            Signature(function, "t").check(tuple(range(amount)), {})
            accepted = True
        except ArgumentError:
            accepted = False

        assert accepted is fits


class TestContext:
    @pytest.mark.parametrize(
        ("function", "wanted"),
        [
            (with_context, True),
            (with_quoted_context, True),
            (unresolvable, True),
            (context_is_second, False),
            (plain, False),
            (nothing, False),
            (unannotated, False),
        ],
    )
    def test_it_is_wanted_where_the_first_parameter_says_so(self, function, wanted: bool):
        assert Signature(function, "t").wants_context is wanted

    def test_it_is_no_argument_of_the_caller(self):
        signature = Signature(with_context, "t")

        assert [parameter.name for parameter in signature.parameters] == ["rows", "limit"]
        assert signature.decode(b'[["a"],3]', b"{}") == ([["a"], 3], {})
        assert signature.name_of(0) == "rows"


class TestDecode:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (int, 2**63 + 5),
            (float, 1.5),
            (str, "ü\n"),
            (bytes, b"\xff"),
            (bool, True),
            (type(None), None),
            (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
            (timedelta, timedelta(days=1, seconds=2)),
            (UUID, UUID(int=7)),
            (Decimal, Decimal("1.10")),
            (Colour, Colour.RED),
            (Level, Level.HIGH),
            (Point, Point(1, datetime(2026, 1, 2, tzinfo=UTC))),
            (Struct, Struct(1)),
            (Model, Model(x=1, when=datetime(2026, 1, 2, tzinfo=UTC))),
            (list[Model], [Model(x=1), Model(x=2)]),
            (dict[str, Point], {"a": Point(1)}),
            (tuple[int, str], (1, "a")),
            (set[int], {1, 2}),
            (Model | None, None),
            (Model | None, Model(x=3)),
            (int | str, "a"),
            (list[datetime] | None, [datetime(2026, 1, 2, tzinfo=UTC)]),
            (Any, {"a": [1, None]}),
            (object, {"a": 1}),
        ],
        ids=str,
    )
    def test_a_value_arrives_as_its_annotation_says_by_place_and_by_name(self, kind: Any, value: Any):
        def function(given, *, named=None): ...

        function.__annotations__ = {"given": kind, "named": kind}

        assert round_trip(function, value) == ([value], {})
        assert round_trip(function, value, named=value) == ([value], {"named": value})
        assert type(round_trip(function, value)[0][0]) is type(value)

    @pytest.mark.parametrize(
        ("function", "args", "kwargs"),
        [
            (plain, ("a",), {}),
            (plain, ("a", 3), {"mode": "x"}),
            (plain, (), {"path": "a", "width": 2}),
            (rest, (1,), {}),
            (rest, (1, 2, 3), {"z": Model(x=1)}),
            (positional_only, (1,), {"c": 9}),
            (nothing, (), {}),
            (unannotated, (1, [2]), {}),
            (unresolvable, ({"a": 1}, 3), {}),
        ],
    )
    def test_only_what_was_given_arrives_and_defaults_are_left_to_the_function(self, function, args: tuple, kwargs: dict):
        assert round_trip(function, *args, **kwargs) == (list(args), kwargs)

    @pytest.mark.parametrize(
        ("function", "args", "kwargs", "named"),
        [
            (plain, b"[1]", b"{}", "path"),
            (plain, b'["a","b"]', b"{}", "width"),
            (plain, b'["a",null]', b"{}", "width"),
            (plain, b'["a",1.5]', b"{}", "width"),
            (plain, b'["a"]', b'{"scale":"x"}', "scale"),
            (plain, b'["a"]', b'{"width":[]}', "width"),
            (rest, b'["a"]', b"{}", "first"),
            (rest, b'[1,2,"a"]', b"{}", "others[1]"),
            (rest, b"[1]", b'{"z":{"x":"a"}}', "z"),
            (with_context, b"[[1]]", b"{}", "rows"),
            (plain, b"[]", b"{}", "path"),
            (plain, b'["a"]', b'{"path":"b"}', "path"),
            (plain, b'["a"]', b'{"hight":1}', "hight"),
        ],
    )
    def test_an_argument_that_does_not_fit_is_named(self, function, args: bytes, kwargs: bytes, named: str):
        with pytest.raises(ArgumentError, match=r"task 't'") as refused:
            Signature(function, "t").decode(args, kwargs)

        assert refused.value.argument == named
        assert f"'{named}'" in str(refused.value)

    @pytest.mark.parametrize("kind", [Model, list[Model], Struct, Point, Opaque, Colour])
    def test_a_value_of_a_richer_type_that_does_not_fit_is_named_too(self, kind: Any):
        def function(a: Any, *, b: Any = None) -> None: ...

        function.__annotations__ = {"a": kind, "b": kind}
        for args, kwargs, named in ((b"[5]", b"{}", "a"), (b"[]", b'{"b":5}', "b")):
            with pytest.raises(ArgumentError) as refused:
                Signature(function, "t").decode(args, kwargs)
            assert refused.value.argument == named

    @pytest.mark.parametrize("args", [b"[1,2]", b'["a",1,2]', b'["a",1,","]', b'["a",1,[2,3]]', b"[1]"])
    def test_more_arguments_than_parameters_are_never_passed_over(self, args: bytes):
        def one(a: Any) -> None: ...

        def two(a: Any, b: Any) -> None: ...

        amount = len(msgspec.json.decode(args))
        for function, room in ((nothing, 0), (one, 1), (two, 2)):
            if amount > room:
                with pytest.raises(ArgumentError, match="too many"):
                    Signature(function, "t").decode(args, b"{}")
            elif amount == room:
                assert len(Signature(function, "t").decode(args, b"{}")[0]) == amount

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            (b"", b"{}"),
            (b"x", b"{}"),
            (b"{}", b"{}"),
            (b"null", b"{}"),
            (b'["a"', b"{}"),
            (b"[]", b"[]"),
            (b"[]", b"null"),
            (b"[" * 100_000, b"{}"),
            (b'["\xff"]', b"{}"),
            (b"[]", b'{"path":"\xff"}'),
        ],
        ids=lambda part: str(part[:12]),
    )
    @pytest.mark.parametrize("function", [plain, rest, unannotated])
    def test_what_is_no_list_or_object_of_arguments_is_refused(self, function, args: bytes, kwargs: bytes):
        with pytest.raises(ArgumentError):
            Signature(function, "t").decode(args, kwargs)

    @pytest.mark.parametrize("kind", [Model | int, Model | Opaque])
    @pytest.mark.parametrize(("args", "kwargs"), [(b"[1]", b"{}"), (b"[]", b'{"a":1}')])
    def test_an_annotation_that_json_cannot_be_read_into_is_said_to_be_the_fault(self, kind: Any, args: bytes, kwargs: bytes):
        def function(a: Any) -> None: ...

        function.__annotations__ = {"a": kind}

        with pytest.raises(ConfigurationError, match="annotation"):
            Signature(function, "t").decode(args, kwargs)

    def test_an_annotation_that_cannot_be_resolved_lets_anything_through(self):
        assert Signature(unresolvable, "t").decode(b'[{"a":1},2]', b"{}") == ([{"a": 1}, 2], {})


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (plain, ["path", "width", "#3"]),
        (rest, ["first", "others[0]", "others[1]"]),
        (nothing, ["#1", "#2", "#3"]),
        (with_context, ["rows", "limit", "#3"]),
    ],
)
def test_places_have_names(function, names: list[str]):
    assert [Signature(function, "t").name_of(position) for position in range(3)] == names
