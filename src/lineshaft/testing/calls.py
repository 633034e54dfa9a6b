"""What was enqueued, as calls that can be compared and read, and what to say where one is missing."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lineshaft.broker.broker import NewTask
from lineshaft.errors import ArgumentError
from lineshaft.protocol import wire
from lineshaft.registry import Registry, TaskSpec

SHOWN_AT_MOST = 10


@dataclass(frozen=True)
class EnqueuedCall:
    """One call that was enqueued.

    Attributes:
        task: the task's name.
        args, kwargs: what the function will be called with: sent as JSON and converted to its annotations.
        queue: where it went.
        delay: seconds it was to wait; 0 for none.
        id: the task's id.
    """

    task: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    queue: str
    delay: float = 0.0
    id: str = field(default="", compare=False)

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        delay = f", delay={self.delay:g}" if self.delay else ""
        return f"{self.task}({', '.join(given)}) [queue={self.queue!r}{delay}]"


@dataclass(frozen=True)
class Expected:
    """What a call should be; None is what does not matter."""

    spec: TaskSpec
    arguments: dict[str, Any] | None
    queue: str | None
    delay_ms: int | None

    def __str__(self) -> str:
        shown = "..." if self.arguments is None else ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        facts = [f"queue={self.queue!r}"] if self.queue is not None else []
        facts += [f"delay={self.delay_ms / 1000:g}"] if self.delay_ms is not None else []
        return f"{self.spec.name}({shown})" + (f" [{', '.join(facts)}]" if facts else "")

    def differences(self, call: EnqueuedCall) -> list[str]:
        """Where a call of this task is otherwise; nothing where it is as expected."""
        found: list[str] = []
        if self.arguments is not None:
            found += _differences(self.arguments, bound(self.spec, call.args, call.kwargs))
        if self.queue is not None and call.queue != self.queue:
            found.append(f"queue: expected {self.queue!r}, was {call.queue!r}")
        if self.delay_ms is not None and round(call.delay * 1000) != self.delay_ms:
            found.append(f"delay: expected {self.delay_ms / 1000:g} s, was {call.delay:g} s")
        return found


def call_of(task: NewTask, registry: Registry) -> EnqueuedCall:
    """Read what is on its way to the server, as the worker will; what the worker will refuse, as plain JSON."""
    envelope = wire.decode_envelope(task.envelope)
    try:
        args, kwargs = registry.get(envelope.task).signature.decode(bytes(envelope.args), bytes(envelope.kwargs))
    except ArgumentError:
        args, kwargs = msgspec.json.decode(envelope.args), msgspec.json.decode(envelope.kwargs)
    return EnqueuedCall(envelope.task, tuple(args), kwargs, envelope.queue, (task.delay_ms or 0) / 1000, task.task_id)


def as_received(spec: TaskSpec, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the function would get them, by the names of its parameters.

    Raises:
        ArgumentError: it could not be called with them.
    """
    encoded = wire.encode_arguments(tuple(args), kwargs, spec.signature.name_of)
    return bound(spec, *spec.signature.decode(*encoded))


def bound(spec: TaskSpec, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the parameters, so that it does not matter which were given by position."""
    return dict(inspect.Signature(list(spec.signature.parameters)).bind(*args, **kwargs).arguments)


def explanation(expected: Expected, calls: Sequence[EnqueuedCall]) -> str:
    """Say what was expected, and what was enqueued in its place, the nearest first."""
    same_task = [call for call in calls if call.task == expected.spec.name]
    lines = [f"no such call was enqueued: {expected}"]
    if not calls:
        return f"{lines[0]}\nnothing was enqueued at all"
    if not same_task:
        return "\n".join([*lines, "only other tasks were enqueued:", *(f"  {call}" for call in calls[:SHOWN_AT_MOST])])
    lines.append(f"calls of {expected.spec.name}:")
    for call in sorted(same_task, key=lambda call: len(expected.differences(call)))[:SHOWN_AT_MOST]:
        lines += [f"  {call}", *(f"    {difference}" for difference in expected.differences(call))]
    return "\n".join(lines)


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    missing = object()
    lines: list[str] = []
    for name in {**expected, **found}:
        wanted, given = expected.get(name, missing), found.get(name, missing)
        if wanted is missing:
            lines.append(f"{name}: not expected, was {given!r}")
        elif given is missing:
            lines.append(f"{name}: expected {wanted!r}, was not given")
        elif wanted != given:
            lines.append(f"{name}: expected {wanted!r}, was {given!r}")
    return lines
