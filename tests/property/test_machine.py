"""Any sequence of calls, of foreign programs, of time and of damage leaves the real keyspace as the model says.

The profile for CI is fixed: the same examples each time, some for each table of deeds. For longer runs, and to make a
found example again:

    LINESHAFT_PROPERTY_EXAMPLES=3000 LINESHAFT_PROPERTY_STEPS=60 LINESHAFT_PROPERTY_SEED=7 scripts/test tests/property

A failure says which of these make it again. LINESHAFT_PROPERTY_SHRINK=0 shows the example as it was found, at once.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from lineshaft.broker.connection import Connection
from servers import RunningServer

from .machine import DEEDS, ShardMachine
from .real import Listener, Real

EXAMPLES = int(os.environ.get("LINESHAFT_PROPERTY_EXAMPLES", "45"))
STEPS = int(os.environ.get("LINESHAFT_PROPERTY_STEPS", "40"))
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("LINESHAFT_PROPERTY_SHRINK", "1") != "0" else (Phase.generate,)
SEED = int(os.environ.get("LINESHAFT_PROPERTY_SEED", "1"))
TIMEOUT_S = 120 + EXAMPLES * STEPS // 20


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Real, Listener]]:
    """A server of its own, and what listens to it."""
    running = RunningServer(tmp_path_factory.mktemp("property-server"))
    with asyncio.Runner() as runner, redis.Redis.from_url(running.url, decode_responses=True, protocol=3) as raw:
        connection = Connection(lambda: running.url, name="lineshaft-property", timeout_s=10)
        listener = Listener(raw)
        yield Real(runner, connection, raw), listener
        listener.pubsub.close()
        runner.run(connection.close())
    running.stop()


@pytest.mark.parametrize("deeds", DEEDS)
@pytest.mark.timeout(TIMEOUT_S)
def test_the_scripts_do_what_the_model_says(worlds: tuple[Real, Listener], deeds: str):
    @seed(SEED)
    def machine() -> ShardMachine:
        return ShardMachine(*worlds, deeds)

    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=PHASES,
    )
    try:
        run_state_machine_as_test(machine, settings=profile)
    except Exception as error:
        error.add_note(
            f"Again: LINESHAFT_PROPERTY_EXAMPLES={EXAMPLES} LINESHAFT_PROPERTY_STEPS={STEPS} "
            f"LINESHAFT_PROPERTY_SEED={SEED} scripts/test {os.path.relpath(__file__)}"
        )
        raise
