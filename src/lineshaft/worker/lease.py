"""A session's lease as its worker sees it: until when it may go on, by the monotonic clock, and what it was told to do."""

from lineshaft.clock import monotonic_s


class Lease:
    """Which session a worker claims under, and whether it still may.

    Written by the thread that hears of renewals, read by the worker's loop; each field is one reference, so no lock.
    """

    def __init__(self, session: str) -> None:
        self.session = session
        self.permitted_until_s = 0.0
        self.lost = False
        self.order = ""  # "quiet": claim nothing more; "stop": drain as well

    @property
    def holds(self) -> bool:
        """Whether the worker may claim, and its tasks may go on."""
        return not self.lost and monotonic_s() < self.permitted_until_s
