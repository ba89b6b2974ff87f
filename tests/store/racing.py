"""Races for store tests: many threads at once, or two made to meet at one statement."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import create_engine, event, text

from store.database.engine import Database

T = TypeVar("T")

MEETING_SECONDS = 20.0
_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def race(runners: int, run: Callable[[int], T]) -> list[T]:
    """Run ``run(0)`` ... at the same moment in threads of their own; what each returned."""
    barrier = threading.Barrier(runners)

    def start(number: int) -> T:
        barrier.wait(MEETING_SECONDS)
        return run(number)

    with ThreadPoolExecutor(runners) as threads:
        return list(threads.map(start, range(runners)))


@contextmanager
def listening(database: Database, name: str, hear: Callable[..., None]) -> Iterator[None]:
    """Call ``hear`` at an event of either engine of a database, reads and writes, in the block."""
    engines = {database.engine, database.read_engine}
    for engine in engines:
        event.listen(engine, name, hear)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, name, hear)


@contextmanager
def meeting(database: Database, statement: str, run: Callable[[], T]) -> Iterator[list[T]]:
    """Let another thread do ``run`` just after a statement of this block's was executed.

    The block goes on once the other has ended or waits for a lock, so that the meeting is the
    same every time. Yields a list that holds what ``run`` returned after the block. PostgreSQL
    only; the first statement that contains the text counts, and there must be one.
    """
    results: list[T] = []
    failures: list[BaseException] = []
    other: list[threading.Thread] = []

    def run_other() -> None:
        try:
            results.append(run())
        except BaseException as error:
            failures.append(error)

    def after(
        connection: object,
        cursor: object,
        executed: str,
        parameters: object,
        context: object,
        many: object,
    ) -> None:
        if statement in executed and not other:
            other.append(threading.Thread(target=run_other))
            other[0].start()
            _wait_for(database, other[0])

    try:
        with listening(database, "after_cursor_execute", after):
            yield results
    finally:
        for thread in other:
            thread.join(MEETING_SECONDS)
    assert other, f"no statement contained {statement!r}"
    assert not other[0].is_alive(), "the other thread never ended"
    if failures:
        raise failures[0]


def _wait_for(database: Database, thread: threading.Thread) -> None:
    """Return once a thread has ended or some session waits for a lock."""
    engine = create_engine(database.url)
    try:
        with engine.connect() as connection:
            deadline = time.monotonic() + MEETING_SECONDS
            while thread.is_alive() and time.monotonic() < deadline:
                if connection.execute(_BLOCKED).scalar_one():
                    return
                connection.rollback()
                thread.join(0.01)
        assert not thread.is_alive(), "the other thread neither ended nor waits for a lock"
    finally:
        engine.dispose()
