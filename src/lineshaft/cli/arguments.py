"""A task's arguments as they stand on a command line: `k=v` words, or one piece of JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec

from lineshaft.errors import ArgumentError

Arguments = tuple[list[Any], dict[str, Any]]

DATA_FORM = '{"args": [1, 2], "kwargs": {"name": "value"}}'


class Data(msgspec.Struct, forbid_unknown_fields=True):
    """What --data holds."""

    args: list[Any] = []
    kwargs: dict[str, Any] = {}


def from_words(words: Sequence[str]) -> Arguments:
    """Arguments from `k=v` words; a value is JSON where it parses, else a string.

    Raises:
        ArgumentError: a word has no name or no `=`, or a name comes twice.
    """
    named: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise ArgumentError(
                f"{word!r} is not an argument: write name=value, such as message=hello; "
                "arguments without a name go into --data '{\"args\": [...]}'"
            )
        if name in named:
            raise ArgumentError(f"argument {name!r} is given twice", name)
        named[name] = value_of(text)
    return [], named


def from_data(data: str) -> Arguments:
    """Arguments from an object with `args`, `kwargs` or both.

    Raises:
        ArgumentError: it is not JSON, or not such an object.
    """
    try:
        given = msgspec.json.decode(data.encode(), type=Data)
    except msgspec.ValidationError as error:
        raise ArgumentError(f"--data is not of the form {DATA_FORM}: {error}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ArgumentError(f"--data is not JSON ({error}); write it like {DATA_FORM}") from error
    return given.args, given.kwargs


def value_of(text: str) -> Any:
    """JSON where it parses, else the text itself."""
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


def string_hint(words: Sequence[str], argument: str | None) -> str:
    """How to give an argument as a string, for one that was refused and was read as something else; else nothing."""
    for word in words:
        name, _, text = word.partition("=")
        if name == argument and not isinstance(value_of(text), str):
            return f"; {text} is read as JSON: for a string write '{name}=\"{text}\"'"
    return ""
