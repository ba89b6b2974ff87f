"""Reads have threads of their own: they are answered while every write waits for a lock."""

import asyncio
import threading
import time

import pytest

from store.database.threads import read_in_thread
from tests.serving import Api

WRITES = 40


@pytest.mark.one_store
async def test_reads_are_answered_while_every_write_waits(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()

    def wait(*arguments: object) -> bool:
        return held.wait(30)

    monkeypatch.setattr(type(api.story.store.opt_outs), "add", wait)
    auth = api.basic()
    body = {"number": "+14155550123"}
    writes = [
        asyncio.create_task(api.http.post("/v1/opt-outs", json=body, auth=auth))
        for _ in range(WRITES)
    ]
    await asyncio.sleep(0.5)
    try:
        began = time.monotonic()
        for path in ("/v1/campaigns", "/v1/opt-outs", "/v1/mailing-lists"):
            assert (await api.http.get(path, auth=auth)).status_code == 200, path
        assert time.monotonic() - began < 10
        assert not any(write.done() for write in writes)
    finally:
        held.set()
    await asyncio.gather(*writes)


async def test_a_read_in_a_thread_returns_and_raises_what_it_does() -> None:
    assert await read_in_thread(sum, (1, 2), start=3) == 6
    with pytest.raises(ValueError, match="invalid literal"):
        await read_in_thread(int, "x")
