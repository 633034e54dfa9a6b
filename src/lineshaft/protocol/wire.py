"""Version 1 of what stands in Redis: envelopes, outcomes and attempts as JSON, and the places that scripts read blindly.

Fields are only ever added. A reader accepts its own version and the one before, and refuses newer ones by name.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TypeVar, cast

import msgspec

from lineshaft.errors import ArgumentError, DamagedRecordError, UnsupportedVersionError
from lineshaft.model.outcome import Attempt, Failure, Outcome
from lineshaft.model.task import Envelope

VERSION = 1
DIGEST_SLICE = slice(17, 49)  # of an envelope; enqueue.lua reads it there
ENDED_MS_SLICE = slice(18, 31)  # of an outcome; history.lua reads it there

Record = TypeVar("Record", Envelope, Outcome, Attempt)

_encode = msgspec.json.Encoder(order="deterministic").encode
_envelope_decoder = msgspec.json.Decoder(Envelope)
_outcome_decoder = msgspec.json.Decoder(Outcome)
_attempt_decoder = msgspec.json.Decoder(Attempt)


class _Version(msgspec.Struct):
    v: int = 0


def encode_value(value: Any) -> bytes:
    """Encode one value as JSON: what JSON has, and datetime, UUID, Decimal, enums, dataclasses, Structs, pydantic models.

    Raises:
        TypeError, ValueError: JSON cannot carry it (NaN and infinities included); the message says why.
    """
    try:
        encoded = _encoded(value)
        if b"null" in encoded:  # the encoder writes that for what is not a number; only then is the value walked
            _refuse_non_finite(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (OverflowError, UnicodeError) as error:
        raise ValueError(str(error)) from None
    return encoded


def _encoded(value: Any) -> bytes:
    """With keys in order, so that same content has one digest; keys that are no text, such as numbers, keep their own order."""
    try:
        return _encoder.encode(value)
    except TypeError:
        return _unordered_encoder.encode(value)


def encode_arguments(args: tuple[Any, ...], kwargs: dict[str, Any], names: Callable[[int], str]) -> tuple[bytes, bytes]:
    """Encode arguments as a JSON array and a JSON object; `names` gives the name of a positional argument.

    Raises:
        ArgumentError: JSON cannot carry one of them; the message and `argument` name it.
    """
    try:
        return (encode_value(args) if args else b"[]"), (encode_value(kwargs) if kwargs else b"{}")
    except (TypeError, ValueError) as error:
        for position, value in enumerate(args):
            _encode_one(names(position), value)
        for name, value in kwargs.items():
            _encode_one(name, {name: value})
        raise ArgumentError(f"the arguments cannot travel as JSON: {error}") from error


def encode_envelope(task: str, queue: str, args: bytes, kwargs: bytes, enqueued_ms: int, delay_ms: int) -> bytes:
    """Write an envelope around encoded arguments; its digest covers the task, its queue and its arguments, not the times."""
    content = b'"task":%b,"queue":"%b","args":%b,"kwargs":%b' % (_encode(task), queue.encode(), args, kwargs)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest().encode()
    return b'{"v":1,"digest":"%b",%b,"enqueued_ms":%d,"delay_ms":%d}' % (digest, content, enqueued_ms, delay_ms)


def decode_envelope(data: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        UnsupportedVersionError: a newer Lineshaft wrote it.
        DamagedRecordError: it is not an envelope.
    """
    return _decode(_envelope_decoder, data)


def encode_done(ended_ms: int, started_ms: int, session: str, tries: int, crashes: int, value: bytes) -> bytes:
    """Write the outcome of a run that returned an encoded value."""
    return b'{"v":1,"ended_ms":%013d,"started_ms":%d,"session":"%b","tries":%d,"crashes":%d,"value":%b}' % (
        ended_ms, started_ms, session.encode(), tries, crashes, value,
    )  # fmt: skip


def encode_failed(ended_ms: int, started_ms: int, session: str, tries: int, crashes: int, failure: Failure) -> bytes:
    """Write the outcome of a run that raised and will not be tried again."""
    return b'{"v":1,"ended_ms":%013d,"started_ms":%d,"session":"%b","tries":%d,"crashes":%d,"error":%b}' % (
        ended_ms, started_ms, session.encode(), tries, crashes, _encode(failure),
    )  # fmt: skip


def encode_attempt(attempt: Attempt) -> bytes:
    """Write the evidence of one failed try."""
    return _encode(attempt)


def decode_outcome(data: bytes) -> Outcome:
    """Read an outcome; raises as `decode_envelope` does."""
    return _decode(_outcome_decoder, data)


def decode_attempt(data: bytes) -> Attempt:
    """Read one attempt; raises as `decode_envelope` does."""
    return _decode(_attempt_decoder, data)


def _decode(decoder: msgspec.json.Decoder[Record], data: bytes) -> Record:
    try:
        record = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        _refuse_newer(data)
        raise DamagedRecordError(f"a record is not what version {VERSION} writes: {error}") from error
    if record.v != VERSION:
        _refuse_newer(data)
        raise DamagedRecordError(f"a record says it is of version {record.v}, which never was")
    return record


def _refuse_newer(data: bytes) -> None:
    try:
        version = msgspec.json.decode(data, type=_Version).v
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return
    if version > VERSION:
        raise UnsupportedVersionError(
            f"a record is of version {version}, and this Lineshaft reads {VERSION}: upgrade this process"
        )


def _to_json(value: Any) -> Any:
    if hasattr(value, "model_dump"):  # a pydantic model, without importing pydantic
        return value.model_dump(mode="json")
    raise TypeError(f"JSON cannot carry a {type(value).__qualname__}")


def _refuse_non_finite(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    for item in _inside(value):
        _refuse_non_finite(item)


def _inside(value: Any) -> Iterable[Any]:
    """The values inside a container, a dataclass, a Struct or a pydantic model; none inside anything else."""
    if isinstance(value, dict):
        mapping = cast("dict[Any, Any]", value)  # type: ignore[redundant-cast]  # pyright wants it
        return [*mapping, *mapping.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[Any]", value)
    if isinstance(value, Enum):
        return (value.value,)
    kind = cast("Any", type(value))
    names = next(
        (getattr(kind, a) for a in ("__dataclass_fields__", "__struct_fields__", "model_fields") if hasattr(kind, a)),
        (),
    )
    return [getattr(value, name, None) for name in names]


def _encode_one(name: str, value: Any) -> None:
    try:
        encode_value(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"argument {name!r} cannot travel as JSON: {error}", name) from error


_encoder = msgspec.json.Encoder(enc_hook=_to_json, order="deterministic")
_unordered_encoder = msgspec.json.Encoder(enc_hook=_to_json)
