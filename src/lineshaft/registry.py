"""The tasks an app knows: name -> function and how it is run. Names are looked up here and nowhere else."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lineshaft.errors import ConfigurationError, UnknownTaskError
from lineshaft.model.retry import Retry
from lineshaft.signature import Signature

NAME_LENGTH = 200


@dataclass(frozen=True)
class TaskSpec:
    """One registered task."""

    name: str
    function: Callable[..., Any]
    signature: Signature
    queue: str
    retry: Retry
    timeout_s: float | None  # None: the limit of the settings
    is_async: bool  # runs on the loop; a plain function runs in a thread


class Registry:
    """All tasks of one app by name."""

    def __init__(self) -> None:
        self._specs: dict[str, TaskSpec] = {}

    def add(self, spec: TaskSpec) -> None:
        """Register a task.

        Raises:
            ConfigurationError: the name is taken by another function, empty, too long or has white space.
        """
        if not 0 < len(spec.name) <= NAME_LENGTH or any(c.isspace() or not c.isprintable() for c in spec.name):
            raise ConfigurationError(f"a task's name is 1 to {NAME_LENGTH} characters without white space, not {spec.name!r}")
        known = self._specs.get(spec.name)
        if known is not None and known.function.__qualname__ != spec.function.__qualname__:
            raise ConfigurationError(
                f"two tasks are named {spec.name!r}: give one of them another name with @app.task(name=...)"
            )
        self._specs[spec.name] = spec

    def find(self, name: str) -> TaskSpec | None:
        """The task of that name, if there is one."""
        return self._specs.get(name)

    def get(self, name: str) -> TaskSpec:
        """The task of that name.

        Raises:
            UnknownTaskError: there is none; the message names those there are, the likeliest first.
        """
        spec = self._specs.get(name)
        if spec is None:
            near = difflib.get_close_matches(name, self._specs, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UnknownTaskError(f"no task is named {name!r}{hint}; the known tasks are {', '.join(sorted(self._specs))}")
        return spec

    def __iter__(self) -> Iterator[TaskSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)
