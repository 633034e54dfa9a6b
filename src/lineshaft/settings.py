"""Every setting of a process, where it comes from, and what it is by default.

Precedence: what the caller gives (a flag, an argument), then the environment (`LINESHAFT_<NAME>`; `REDIS_URL` for the
server), then `[tool.lineshaft]` in the pyproject.toml of the project, then the default. Times are seconds.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec

from lineshaft.embedded.locate import project_folder, running_url
from lineshaft.errors import ConfigurationError

Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e10)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0, lt=1e10)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
AtLeastNone = Annotated[int, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    Attributes:
        redis_url: the server; None joins the embedded server that runs for this project.
        namespace: stands before every key, with a colon, so that several apps share one server.
        concurrency: tasks that one worker process runs at a time.
        workers: worker processes that one command starts.
        grace_s: how long a stopping worker lets its tasks go on before it hands them back.
        timeout_s: time limit of a task that sets none.
        lease_s: how long a session lives without a renewal. A killed worker's tasks are ready again within
            `lease_s + look_gap_s` and two `look_s`.
        renew_s: how often leases are renewed.
        look_s: how often a worker looks for sessions whose lease is over.
        look_gap_s: least time between the two looks that reap one. More than `renew_s`, or a jump of the server's clock
            reaps workers that are alive.
        reconcile_s: how often a worker compares what it runs with what Redis says it owns.
        poll_s: how often an idle worker asks without having been woken.
        max_crashes: deaths of a worker while running a task after which the task is set aside as failed.
        done_kept, done_kept_s: how many done tasks are kept at most, and for how long.
        ended_kept, ended_kept_s: the same for failed, for cancelled and for expired tasks.
        digest_kept_s: how long an id or an idempotency key given by a caller is remembered, from the enqueue on, also when
            its record is gone.
        unknown_delay_s: how long a task whose name a worker does not know is put back for.
        unknown_kept_s: after which it fails.
        resend_s: how long a client sends an enqueue again that got no answer.
        call_timeout_s: how long one call to Redis may take.
        give_up_s: how long a worker command goes on while it cannot take tasks, before it ends with an error; 0 is for ever.
        body_limit: most bytes of a request to the API, and of one task's arguments.
        result_limit: most bytes of one task's result.
    """

    redis_url: str | None = None
    namespace: str = ""
    concurrency: AtLeastOne = 100
    workers: AtLeastOne = 1
    grace_s: Seconds = 25.0
    timeout_s: PositiveSeconds = 3600.0
    lease_s: PositiveSeconds = 15.0
    renew_s: PositiveSeconds = 4.0
    look_s: PositiveSeconds = 2.0
    look_gap_s: Seconds = 5.0
    reconcile_s: PositiveSeconds = 5.0
    poll_s: PositiveSeconds = 1.0
    max_crashes: AtLeastOne = 10
    done_kept: AtLeastNone = 200_000
    done_kept_s: Seconds = 86_400.0
    ended_kept: AtLeastNone = 100_000
    ended_kept_s: Seconds = 7 * 86_400.0
    digest_kept_s: Seconds = 86_400.0
    unknown_delay_s: Seconds = 5.0
    unknown_kept_s: Seconds = 86_400.0
    resend_s: Seconds = 8.0
    call_timeout_s: PositiveSeconds = 5.0
    give_up_s: Seconds = 600.0
    body_limit: AtLeastOne = 1_048_576
    result_limit: AtLeastOne = 16_777_216

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _typed(name, getattr(self, name), "an argument")
        if self.renew_s * 2 > self.lease_s:
            raise ConfigurationError(
                f"lease_s ({self.lease_s}) must be at least twice renew_s ({self.renew_s}), or one late renewal loses the lease"
            )


def load(given: dict[str, Any] | None = None, project: Path | None = None) -> Settings:
    """Collect the settings.

    Args:
        given: what the caller wants, by name; None counts as not given.
        project: the project's folder; found from the current one by default.

    Raises:
        ConfigurationError: a setting is unknown, of the wrong type or out of bounds; the message says which and from where.
    """
    collected: dict[str, Any] = {}
    sources = (
        ("pyproject.toml", _from_pyproject(project or project_folder())),
        ("the environment", _from_environment()),
        ("an argument", {name: value for name, value in (given or {}).items() if value is not None}),
    )
    for source, values in sources:
        for name, value in values.items():
            collected[name] = _typed(name, value, source)
    return Settings(**collected)


def server_url(settings: Settings) -> str:
    """The URL to connect to now: the one that is set, else that of the embedded server that runs for this project.

    Raises:
        NoServerError: neither is there.
    """
    return settings.redis_url or running_url()


def _typed(name: str, value: Any, source: str) -> Any:
    kind = Settings.__annotations__.get(name)
    if kind is None:
        known = ", ".join(Settings.__struct_fields__)
        raise ConfigurationError(f"there is no setting {name!r} (from {source}); the settings are: {known}")
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"setting {name} from {source} is {value!r}: {error}") from error


def _from_environment() -> dict[str, str]:
    names = {f"LINESHAFT_{name.upper()}": name for name in Settings.__struct_fields__}
    found = {names[variable]: value for variable, value in os.environ.items() if variable in names and value != ""}
    if url := os.environ.get("REDIS_URL"):
        found["redis_url"] = url
    return found


def _from_pyproject(project: Path) -> dict[str, Any]:
    path = project / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    values: dict[str, Any] = document
    for name in ("tool", "lineshaft"):
        inner = values.get(name, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{name!r} in {path} must be a table, for [tool.lineshaft]")
        values = cast("dict[str, Any]", inner)
    return values
