"""`ETag` and `If-None-Match` of `GET /tasks/{id}`."""

import contextlib

import pytest
import redis

from api.running import RunningApi


def test_what_has_not_changed_is_not_sent_again(api: RunningApi) -> None:
    api.post({"id": "some"})
    first = api.get("/tasks/some")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        reply = api.get("/tasks/some", {"If-None-Match": known})
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)
        assert reply.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("known", ["", '"other"', "W/", '"*"', "some"])
def test_what_is_not_known_is_sent(api: RunningApi, known: str) -> None:
    api.post({"id": "some"})
    assert api.get("/tasks/some", {"If-None-Match": known}).status == 200


def test_a_change_changes_the_tag(api: RunningApi, raw: redis.Redis) -> None:
    api.post({"id": "some"})
    tag = api.get("/tasks/some").headers["etag"]
    assert api.get("/tasks/some").headers["etag"] == tag
    raw.set("task:some:status", "in-progress")
    reply = api.get("/tasks/some", {"If-None-Match": tag})
    assert (reply.status, reply.json["status"]) == (200, "in-progress")
    assert reply.headers["etag"] != tag


def test_a_head_has_the_tag_too(api: RunningApi) -> None:
    api.post({"id": "some"})
    tag = api.get("/tasks/some").headers["etag"]
    with contextlib.closing(api.connect()) as connection:
        connection.request("HEAD", "/tasks/some", headers={"If-None-Match": tag})
        head = connection.getresponse()
        assert (head.status, head.read(), head.headers["etag"]) == (304, b"", tag)


def test_an_unknown_task_has_no_tag(api: RunningApi) -> None:
    reply = api.get("/tasks/nope", {"If-None-Match": "*"})
    assert reply.status == 404
    assert "etag" not in reply.headers
