"""Until when a worker may go on: never longer than Redis keeps its lease, whenever the answer came."""

import asyncio
from typing import Any

import pytest

from lineshaft import LineshaftError, ServerUnavailableError, Settings
from lineshaft.protocol.reply import Renewed
from lineshaft.worker import lease_keeper
from lineshaft.worker.lease_keeper import LeaseKeeper

SETTINGS = Settings(lease_s=15.0, renew_s=5.0, look_gap_s=6.0)
CALL_S = 4.0  # how long every call takes
FAILED = "a call that is not answered"


class Clock:
    """The monotonic clock, which only passes while a call is on its way."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class SlowBroker:
    """Answers what it was told to, each time `CALL_S` after it was asked."""

    settings = SETTINGS

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.answers: list[Any] = []

    async def open(self, *_: Any) -> str:
        return self._answer()

    async def renew(self, leases: dict[str, float], **_: Any) -> dict[str, Any]:
        return dict.fromkeys(leases, self._answer())

    def _answer(self) -> Any:
        self._clock.now_s += CALL_S
        answer = self.answers.pop(0)
        if answer == FAILED:
            raise ServerUnavailableError(FAILED)
        return answer


class Tenant:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.permits: list[float] = []
        self.told: list[Any] = []

    def permit(self, until_s: float) -> None:
        self.permits.append(until_s)

    def stop_tasks(self, task_ids: list[str]) -> None:
        self.told.append(task_ids)

    def obey(self, order: str) -> None:
        self.told.append(order)

    def lose(self) -> None:
        self.told.append("lost")


class Kept:
    """A keeper with one tenant, whose calls are answered as the test says."""

    def __init__(self, clock: Clock) -> None:
        self.broker = SlowBroker(clock)
        self.keeper = LeaseKeeper(self.broker)
        self.tenant = Tenant()

    def open(self, answer: str) -> None:
        self.broker.answers.append(answer)
        asyncio.run(self.keeper.open("s", {}, self.tenant))

    def renew(self, answer: Any) -> None:
        self.broker.answers.append(answer)
        asyncio.run(self.keeper.run_once())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lease_keeper, "monotonic_s", clock)
    return clock


@pytest.fixture
def kept(clock: Clock) -> Kept:
    return Kept(clock)


def test_the_first_permit_counts_from_when_the_session_was_asked_for(kept: Kept, clock: Clock):
    asked_s = clock.now_s

    kept.open("opened")

    assert kept.tenant.permits == [asked_s + SETTINGS.lease_s]


def test_a_session_that_was_asked_for_twice_is_permitted_as_of_the_first_time(kept: Kept, clock: Clock):
    """The first call may have opened it, and its lease ends as that call said."""
    asked_s = clock.now_s
    with pytest.raises(ServerUnavailableError):
        kept.open(FAILED)

    kept.open("repeat")

    assert kept.tenant.permits == [asked_s + SETTINGS.lease_s]


def test_a_renewal_permits_as_of_when_it_was_sent(kept: Kept, clock: Clock):
    kept.open("opened")
    sent_s = clock.now_s

    kept.renew(Renewed([]))

    assert kept.tenant.permits[1:] == [sent_s + SETTINGS.lease_s]


def test_while_redis_does_not_answer_the_permits_go_on_for_less_than_reaping_takes(kept: Kept, clock: Clock):
    """Reaping takes two looks, that far apart, after Redis is back."""
    kept.open("opened")
    for _ in range(5):
        with pytest.raises(ServerUnavailableError):
            kept.renew(FAILED)
        assert kept.tenant.permits[-1] == clock.now_s + SETTINGS.look_gap_s
    assert kept.tenant.told == []


def test_one_whose_session_has_gone_is_told_once_and_gets_no_permit(kept: Kept):
    kept.open("opened")
    permits = list(kept.tenant.permits)

    kept.renew(None)
    kept.renew(Renewed([]))

    assert kept.tenant.permits == permits
    assert kept.tenant.told == ["lost"]


def test_a_session_that_was_closed_or_reaped_is_not_opened(kept: Kept):
    with pytest.raises(LineshaftError, match="take a new one"):
        kept.open("gone")
    assert kept.tenant.permits == []


def test_what_was_cancelled_is_passed_on(kept: Kept):
    kept.open("opened")
    kept.renew(Renewed(["a", "b"]))
    assert kept.tenant.told == [["a", "b"]]


def test_an_order_is_passed_on_with_each_renewal(kept: Kept):
    kept.open("opened")
    kept.renew(Renewed([], "quiet"))
    kept.renew(Renewed(["a"], "stop"))
    assert kept.tenant.told == ["quiet", ["a"], "stop"]
