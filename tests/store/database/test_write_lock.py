"""One writer at a time on a SQLite file, whichever thread or process it is; nobody is starved."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from sqlalchemy import text

from campaign.failures import StoreUnavailable
from store.database import engine, write_lock
from store.database.engine import Database
from store.database.write_lock import SqliteWriteLock
from tests.store.racing import race

FORKED = multiprocessing.get_context("spawn")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "godwit.db"


def write_again_and_again(file: Path, began: Event, stop: Event) -> None:
    lock = SqliteWriteLock(file)
    while not stop.is_set():
        with lock:
            began.set()
            time.sleep(0.002)


def hold(file: Path, began: Event, stop: Event) -> None:
    with SqliteWriteLock(file):
        began.set()
        stop.wait(60)


def another(work: Callable[[Path, Event, Event], None], file: Path) -> tuple[int, Event]:
    """Run ``work`` in a process of its own, whose id and stop are returned once it has a turn."""
    began, stop = FORKED.Event(), FORKED.Event()
    process = FORKED.Process(target=work, args=(file, began, stop), daemon=True)
    process.start()
    assert began.wait(60) and process.pid is not None
    return process.pid, stop


def test_of_threads_with_turns_of_their_own_one_writes_at_a_time(file: Path) -> None:
    locks = [SqliteWriteLock(file), SqliteWriteLock(file)]
    within: list[int] = []
    most: list[int] = []

    def write(runner: int) -> None:
        for _ in range(50):
            with locks[runner % 2]:
                within.append(runner)
                most.append(len(within))
                within.remove(runner)

    race(6, write)
    assert max(most) == 1 and len(most) == 300


def test_a_process_that_writes_all_the_time_leaves_every_second_turn(file: Path) -> None:
    _, stop = another(write_again_and_again, file)
    lock = SqliteWriteLock(file)
    locks = 0
    # A process that polls for SQLite's own lock gets hardly one of these.
    until = time.monotonic() + 30
    while locks < 50 and time.monotonic() < until:
        with lock:
            locks += 1
    stop.set()
    assert locks == 50


def test_the_turn_of_a_process_that_is_killed_is_anothers(file: Path) -> None:
    pid, _ = another(hold, file)
    os.kill(pid, signal.SIGKILL)
    with SqliteWriteLock(file):
        pass


def test_a_turn_that_was_closed_opens_again(file: Path) -> None:
    lock = SqliteWriteLock(file)
    for _ in range(2):
        with lock:
            assert Path(f"{file}-turn").exists()
        lock.close()


def test_what_fails_within_a_turn_lets_the_next_one_write(file: Path) -> None:
    lock = SqliteWriteLock(file)
    with pytest.raises(ValueError), lock:
        raise ValueError
    with lock:
        pass


def hold_transaction(file: Path, began: Event, stop: Event) -> None:
    def work(connection: object) -> None:
        began.set()
        stop.wait(60)

    Database(f"sqlite:///{file}").write(work)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_lock, "PROCESSES_SECONDS_MAX", 0.5)
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 500)


def test_a_process_that_freezes_outside_of_a_transaction_is_passed_over(
    file: Path, short_waits: None
) -> None:
    pid, stop = another(hold, file)
    os.kill(pid, signal.SIGSTOP)
    try:
        lock = SqliteWriteLock(file)
        began = time.monotonic()
        for _ in range(20):
            with lock:
                pass
        # One wait, and not one for each write.
        assert 0.5 <= time.monotonic() - began < 5
        database = Database(f"sqlite:///{file}")
        database.write(lambda connection: connection.execute(text("CREATE TABLE t (a)")))
        database.close()
    finally:
        os.kill(pid, signal.SIGCONT)
        stop.set()


def test_a_process_that_freezes_within_a_transaction_leaves_reads_and_bounded_writes(
    file: Path, short_waits: None
) -> None:
    database = Database(f"sqlite:///{file}")
    database.write(lambda connection: connection.execute(text("CREATE TABLE t (a)")))
    pid, stop = another(hold_transaction, file)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            database.write(lambda connection: None)
        assert time.monotonic() - began < 10
        count = text("SELECT count(*) FROM t")
        assert database.read(lambda connection: connection.execute(count).scalar_one()) == 0
    finally:
        os.kill(pid, signal.SIGCONT)
        stop.set()
    until = time.monotonic() + 30
    while True:
        try:
            database.write(lambda connection: connection.execute(text("INSERT INTO t VALUES (1)")))
            break
        except StoreUnavailable:
            assert time.monotonic() < until
    database.close()


def test_threads_that_wait_for_a_stuck_one_are_refused_in_time(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "THREADS_SECONDS_MAX", 0.2)
    lock = SqliteWriteLock(file)
    refused: list[bool] = []

    def write() -> None:
        with pytest.raises(StoreUnavailable), lock:
            pass
        refused.append(True)

    with lock:
        threads = [threading.Thread(target=write) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(refused) == 5
    with lock:
        pass


def test_without_a_pipe_the_lock_is_looked_for_again_and_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, mode: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mkfifo", refuse)
    first, second = SqliteWriteLock(file), SqliteWriteLock(file)
    with first:
        waiting = threading.Thread(target=lambda: second.__enter__())
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()
    assert not list(file.parent.glob("*-free"))
    second.__exit__(None, None, None)
