"""Reads what `POST /tasks` is sent: strictly, for what is misspelt or meant otherwise must not be queued."""

import json
import re
from typing import Any, NoReturn

import msgspec

from lineshaft.api.problems import BAD_JSON, BAD_KEY, UNKNOWN_TASK, WRONG_FIELD, Refused, refused
from lineshaft.app import App
from lineshaft.errors import UnknownTaskError
from lineshaft.ids import KEY_RULE, id_of_key, is_idempotency_key, new_id
from lineshaft.protocol.keys import is_queue_name, is_task_id
from lineshaft.registry import NAME_LENGTH, TaskSpec
from lineshaft.task_function import Call, Options

LONGEST_DELAY_S = 10_000_000_000.0  # some 300 years: in ms, a number that Redis still keeps exactly

_PLACE = re.compile(r" - at `\$\.?(\w*).*`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)


class NewTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: the task's name and arguments, and how it is enqueued. What is left out is the task's own, or chosen here."""

    task: str | None = None
    args: list[Any] = msgspec.field(default_factory=list[Any])
    kwargs: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    queue: str | None = None
    delay: float | None = None
    id: str | None = None


NO_BODY = NewTask()


def read_json(body: bytes) -> Any:
    """Read the body.

    Raises:
        Refused: it is not JSON; a name that stands twice in an object is not.
        RecursionError: it is nested too deeply.
    """
    try:
        value = _decoder.decode(body)
        _strict.decode(body.decode())  # only this one tells of a name that stands twice
    except (msgspec.MsgspecError, ValueError) as error:
        raise refused(BAD_JSON, f"{error}.") from None
    return value


def new_task_of(value: Any) -> NewTask:
    """What was asked for.

    Raises:
        Refused: it is no object, or a field is unknown or of the wrong type.
    """
    try:
        return msgspec.convert(value, NewTask)
    except msgspec.ValidationError as error:
        raise _wrong(error) from None


def call_of(app: App, new: NewTask, key: bytes | None = None) -> Call[Any]:
    """The call to enqueue, under an id that is known from here on: its own, the key's, or a new one.

    Args:
        app: whose task it is.
        new: what was asked for.
        key: the value of the header Idempotency-Key.

    Raises:
        Refused: no task has that name, or a field has a value that it cannot have.
    """
    if new.queue is not None and not is_queue_name(new.queue):
        raise refused(WRONG_FIELD, "queue must be 1 to 64 of 0-9, A-Z, a-z, _, . and -.", field="queue")
    if new.id is not None and not is_task_id(new.id):
        raise refused(WRONG_FIELD, "id must be 1 to 64 of 0-9, A-Z, a-z, _ and -.", field="id")
    if new.delay is not None and not 0 <= new.delay <= LONGEST_DELAY_S:
        raise refused(WRONG_FIELD, f"delay must be from 0 to {LONGEST_DELAY_S:.0f} seconds.", field="delay")
    idempotency_key = None if key is None else read_key(key, new.id)
    given = new.id if idempotency_key is None else id_of_key(idempotency_key)
    options = Options(
        queue=new.queue,
        delay_ms=round((new.delay or 0) * 1000) or None,
        task_id=given or new_id(),
        remembered=given is not None,
        key=idempotency_key,
    )
    return Call(_spec(app, new.task), tuple(new.args), new.kwargs, options)


def read_key(value: bytes, task_id: str | None) -> str:
    """The idempotency key; the quotes that a draft of the IETF puts around it are not part of it.

    Raises:
        Refused: it cannot be one, or an id is given beside it.
    """
    key = value.decode("latin-1")
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not is_idempotency_key(key):
        raise refused(BAD_KEY, f"Idempotency-Key must be {KEY_RULE}.")
    if task_id is not None:
        raise refused(BAD_KEY, "Idempotency-Key and the field id both say which task it is: send one of them.")
    return key


def _spec(app: App, name: str | None) -> TaskSpec:
    if name is None:
        return app.registry.get(app.default_task)
    try:
        return app.registry.get(name[: NAME_LENGTH + 1])  # beyond that it can be none of them anyway
    except UnknownTaskError as error:
        known = sorted(spec.name for spec in app.registry)
        raise refused(UNKNOWN_TASK, str(error), field="task", known_tasks=known) from None


def _wrong(error: msgspec.ValidationError) -> Refused:
    text = str(error)
    place, unknown = _PLACE.search(text), _UNKNOWN.search(text)
    if unknown:
        name = unknown[1][:NAME_LENGTH]
        fields = ", ".join(NewTask.__struct_fields__)
        return refused(WRONG_FIELD, f"There is no field {name!r}; the fields are: {fields}.", field=name)
    if place and place[1]:
        return refused(WRONG_FIELD, f"{place[1]}: {_PLACE.sub('', text)}.", field=place[1])
    return refused(WRONG_FIELD, f"A new task must be a JSON object: {text}.")


def _once_each(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"The name {name[:NAME_LENGTH]!r} stands twice in one object")
        seen.add(name)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


_decoder = msgspec.json.Decoder()
_strict = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=str, parse_int=str)
