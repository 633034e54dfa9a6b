"""`GET /stats`: all counts in one read."""

from collections.abc import Callable

from api.running import RunningApi

NOTHING = {"enqueued": 0, "claimed": 0, "done": 0, "failed": 0, "retried": 0, "crashed": 0, "cancelled": 0}


def test_there_is_nothing(api: RunningApi) -> None:
    statistics = api.get("/stats").json
    assert set(statistics.pop("states").values()) == {0}
    assert statistics.pop("rates") == NOTHING
    assert [minute.pop("from")[-8:] for minute in statistics["counted"]] == [":00.000Z"] * 5
    assert statistics == {
        "queues": [{"queue": "default", "ready": 0, "scheduled": 0, "in_progress": 0, "paused": False}],
        "minutes": 5,
        "counted": [NOTHING] * 5,
        "live_sessions": 0,
    }


def test_what_came_and_went_is_counted(api: RunningApi, work: Callable[..., None]) -> None:
    api.post({"id": "gone"})
    api.call("DELETE", "/tasks/gone")
    ended = [api.post().json["taskID"], api.post({"task": "broken", "args": ["x"]}).json["taskID"]]
    work(*ended)
    api.post()
    api.post({"delay": 60})
    statistics = api.get("/stats").json
    assert statistics["states"] == {
        "scheduled": 1,
        "pending": 1,
        "in-progress": 0,
        "done": 1,
        "failed": 1,
        "cancelled": 1,
        "expired": 0,
    }
    assert statistics["queues"] == api.get("/queues").json
    counted = {name: sum(minute[name] for minute in statistics["counted"]) for name in NOTHING}
    assert counted == {**NOTHING, "enqueued": 5, "claimed": 2, "done": 1, "failed": 1, "cancelled": 1}
    assert {name for name, rate in statistics["rates"].items() if rate} == {name for name, count in counted.items() if count}
