"""The children of `serve`, with somebody who says what they do: a supervisor that has a lookout. Runs no user code."""

from collections.abc import Callable

from lineshaft.children import Child
from lineshaft.cli.foot import foot_of_terminal
from lineshaft.cli.lookout import Lookout
from lineshaft.worker.supervisor import Plan, Supervisor


class WatchedSupervisor(Supervisor):
    """As any supervisor; from `watch` on, its work is looked at and told, and how it ended."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._lookout: Lookout | None = None

    async def run(self) -> int:
        """As that of any, which closes the lookout at its end."""
        try:
            return await super().run()
        finally:
            if self._lookout is not None:
                await self._lookout.close()

    def watch(self, *, kept_in: str, say: Callable[[str], None]) -> None:
        """Begin to look, now that everything is ready; arguments as those of `Lookout`."""
        self._lookout = Lookout(
            self._settings,
            lambda: {child.pid for child in self._workers},
            kept_in=kept_in,
            say=say,
            foot=foot_of_terminal(),
        )

    def _retire(self, child: Child) -> None:
        """As any does, and say what is waited for where no other worker is left."""
        super()._retire(child)
        if self._stopping.is_set() and self._lookout is not None:
            self._lookout.stop(self._settings.grace_s)

    def stop(self) -> None:
        """Stop as any does, and say what is waited for."""
        super().stop()
        if self._lookout is not None:
            self._lookout.stop(self._settings.grace_s if self._signals == 1 else 0.0)
