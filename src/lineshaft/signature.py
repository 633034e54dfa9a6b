"""A task function's parameters: do arguments fit them, and what do they become when they arrive as JSON.

The function itself is never called here.
"""

import inspect
import re
import typing
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from lineshaft.errors import ArgumentError, ConfigurationError
from lineshaft.model.task import TaskContext

_PLACE = re.compile(r" - at `\$(.*)`$")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_LIST = msgspec.json.Decoder(list[Any])
_DICT = msgspec.json.Decoder(dict[str, Any])
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Signature:
    """The parameters of one function, without a leading TaskContext."""

    def __init__(self, function: Callable[..., Any], task: str) -> None:
        self._function = function
        self._task = task

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Parameter (or "return") -> type; what cannot be resolved is missing, and then anything goes."""
        try:
            return typing.get_type_hints(self._function, include_extras=True)
        except Exception:  # noqa: BLE001 - an annotation may be any expression
            raw = getattr(self._function, "__annotations__", {})
            return {name: hint for name, hint in raw.items() if not isinstance(hint, str)}

    @cached_property
    def wants_context(self) -> bool:
        """Whether the first parameter is annotated as a TaskContext."""
        for name in inspect.signature(self._function).parameters:
            raw = getattr(self._function, "__annotations__", {}).get(name)
            return self.hints.get(name) is TaskContext or (isinstance(raw, str) and raw.split(".")[-1] == "TaskContext")
        return False

    @cached_property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The parameters that a caller fills."""
        found = tuple(inspect.signature(self._function).parameters.values())
        return found[1:] if self.wants_context else found

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.Signature(list(self.parameters))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters if p.kind in _BY_NAME)

    @cached_property
    def _takes_any_name(self) -> bool:
        return any(p.kind is p.VAR_KEYWORD for p in self.parameters)

    @cached_property
    def _fitting_counts(self) -> range:
        """How many positional arguments fit when there are no others: most calls need no more than this."""
        if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in self.parameters):
            return range(0)
        required = sum(p.default is p.empty for p in self._positional)
        return range(required, 10_000 if self._rest else len(self._positional) + 1)

    def name_of(self, position: int) -> str:
        """The name of the parameter that a positional argument fills."""
        if position < len(self._positional):
            return self._positional[position].name
        return f"{self._rest.name}[{position - len(self._positional)}]" if self._rest else f"#{position + 1}"

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuse arguments that the function could not be called with.

        Raises:
            ArgumentError: one is missing, unknown, given twice or too many; the message names it.
        """
        if not kwargs and len(args) in self._fitting_counts:
            return  # the usual call needs no more than this
        unknown = None if self._takes_any_name else next((name for name in kwargs if name not in self._names), None)
        if unknown is not None:
            message = (
                f"task {self._task!r} cannot be called like that: it has no argument {unknown!r}; it takes {self._signature}"
            )
            raise ArgumentError(message, unknown)
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            named = re.search(r"'([^']+)'", str(error))
            message = f"task {self._task!r} cannot be called like that: {error}; it takes {self._signature}"
            raise ArgumentError(message, named[1] if named else None) from None

    def decode(self, args: bytes, kwargs: bytes) -> tuple[list[Any], dict[str, Any]]:
        """Turn encoded arguments into what the annotations ask for.

        Raises:
            ArgumentError: one does not fit its annotation, is missing or unknown; the message and `argument` name it.
        """
        positional = [] if args == b"[]" else self._decode_positional(args)
        named = {} if kwargs == b"{}" else self._decode_named(kwargs)
        self.check(tuple(positional), named)
        return positional, named

    @cached_property
    def _positional(self) -> tuple[inspect.Parameter, ...]:
        return tuple(p for p in self.parameters if p.kind in _POSITIONAL)

    @cached_property
    def _rest(self) -> inspect.Parameter | None:
        return next((p for p in self.parameters if p.kind is p.VAR_POSITIONAL), None)

    @cached_property
    def _positional_decoder(self) -> "msgspec.json.Decoder[Any]":
        """Reads an array straight into the parameters' types; a parameter that was not given stays UNSET."""
        types = [self._type_of(p) for p in self._positional]
        fields = [(f"p{n}", Any if t is Any else t | msgspec.UnsetType, msgspec.UNSET) for n, t in enumerate(types)]
        try:
            shape = msgspec.defstruct("Arguments", fields, array_like=True, gc=False)
            return msgspec.json.Decoder(shape, dec_hook=from_json)
        except TypeError as error:
            raise ConfigurationError(f"task {self._task!r}: an annotation cannot be read from JSON: {error}") from error

    def _decode_positional(self, args: bytes) -> list[Any]:
        if self._rest is not None:
            values = self._decoded(_LIST, args)
            return [self._convert(value, self._type_at(n), self.name_of(n)) for n, value in enumerate(values)]
        given = msgspec.structs.astuple(self._decoded(self._positional_decoder, args))
        values = [value for value in given if value is not msgspec.UNSET]
        if args.count(b",") >= len(given) < len(self._decoded(_LIST, args)):  # more than the struct has room for
            raise ArgumentError(f"task {self._task!r} got too many positional arguments; it takes {self._signature}")
        return values

    def _decode_named(self, kwargs: bytes) -> dict[str, Any]:
        values = self._decoded(_DICT, kwargs)
        types = {p.name: self._type_of(p) for p in self.parameters if p.kind in _BY_NAME}
        rest = next((self._type_of(p) for p in self.parameters if p.kind is p.VAR_KEYWORD), Any)
        return {name: self._convert(value, types.get(name, rest), name) for name, value in values.items()}

    def _type_at(self, position: int) -> Any:
        filled = self._positional[position] if position < len(self._positional) else self._rest
        return self._type_of(filled) if filled else Any

    def _type_of(self, parameter: inspect.Parameter) -> Any:
        return self.hints.get(parameter.name, Any)

    def _decoded(self, decoder: "msgspec.json.Decoder[Any]", data: bytes) -> Any:
        try:
            return decoder.decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise self._refusal(error) from error

    def _convert(self, value: Any, kind: Any, name: str) -> Any:
        if kind is Any:
            return value
        try:
            return msgspec.convert(value, kind, dec_hook=from_json)
        except TypeError as error:
            raise ConfigurationError(f"task {self._task!r}: an annotation cannot be read from JSON: {error}") from error
        except (msgspec.ValidationError, RecursionError) as error:
            raise ArgumentError(f"task {self._task!r}: argument {name!r}: {_PLACE.sub('', str(error))}", name) from error

    def _refusal(self, error: Exception) -> ArgumentError:
        place = _PLACE.search(str(error))
        position = re.match(r"\[(\d+)\]", place[1]) if place else None
        if position is None:
            return ArgumentError(f"task {self._task!r}: the arguments cannot be read: {error}")
        name = self.name_of(int(position[1]))
        return ArgumentError(f"task {self._task!r}: argument {name!r}: {_PLACE.sub('', str(error))}", name)


def from_json(kind: type[Any], value: Any) -> Any:
    """Make what msgspec does not know by itself: pydantic models; anything else must be what it says already.

    Raises:
        ValueError: the value does not fit.
    """
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    if isinstance(value, kind):
        return value
    raise ValueError(f"JSON cannot carry a {kind.__qualname__}")
