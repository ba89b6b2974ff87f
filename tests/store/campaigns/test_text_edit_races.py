"""Edits of a text amid claims: everybody gets one text, and what was sent is what the row says."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.handoffs import Handoff
from campaign.instants import SECOND
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.campaigns.text_edits import UnsentMoved
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.campaigns.test_text_edits import admitted, edit

SIZE = 6
# What a carrier does with each message in turn: takes it, puts it off, or does not say.
answers = st.sampled_from([MessageStatus.SENT, MessageStatus.RETRYABLE, MessageStatus.UNKNOWN])
steps = st.lists(
    st.one_of(
        st.just("edit"),
        st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)),
        st.lists(answers, min_size=1, max_size=SIZE),
    ),
    max_size=12,
)
HASTY = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@HASTY
@given(steps=steps)
def test_whatever_the_order_each_message_leaves_with_its_text_of_that_moment(
    builder: StoreBuilder, steps: list[object]
) -> None:
    """The model: texts by position; an edit changes those that wait, or that are put off later."""
    store, campaign = builder.store, admitted(builder, SIZE)
    row = store.campaigns.messages(campaign)
    wanted = {message.position: message.text for message in row}
    under_way: dict[int, Handoff] = {}
    later: dict[int, str] = {}
    gone: set[int] = set()
    numbers = count()
    for step in steps:
        if step == "edit":
            number = f"Edit {next(numbers)}"
            edit_if_any(store, campaign, number)
            waiting = set(wanted) - gone
            later |= dict.fromkeys(waiting & set(under_way), number)
            wanted |= dict.fromkeys(waiting - set(under_way), number)
        elif isinstance(step, tuple):
            low, width = step
            claim = builder.flush_and_claim(campaign, low=low, high=low + width)
            for handoff in claim.claimed:
                assert handoff.text == wanted[handoff.position]
                under_way[handoff.position] = handoff
        else:
            assert isinstance(step, list)
            for position, status in zip(sorted(under_way), step, strict=False):
                handoff = under_way.pop(position)
                due = NOW if status is MessageStatus.RETRYABLE else None
                answer = outcome(position, status, handoff.attempt, due_at=due)
                builder.write(campaign, answer)
                if status is MessageStatus.RETRYABLE:
                    wanted[position] = later.get(position, wanted[position])
                else:
                    gone.add(position)
                later.pop(position, None)
        shown = {one.position: one.text for one in store.campaigns.messages(campaign)}
        assert shown == wanted
    assert audit(store.database, campaign).findings == ()


def edit_if_any(store: Store, campaign: str, text: str) -> None:
    if store.text_edits.unsent(campaign).messages:
        assert edit(store, campaign, text).refusal is None


def test_claims_and_edits_at_once_leave_everybody_one_text(builder: StoreBuilder) -> None:
    """Three workers send and two people edit; what was handed over is what the rows say."""
    store, size = builder.store, 300
    campaign = admitted(builder, size)
    sent: list[tuple[int, str]] = []

    def work(worker: int) -> None:
        tries: Counter[int] = Counter()
        for attempt in range(2_000):
            low = worker * 100
            now = NOW + attempt * SECOND
            claim = builder.flush_and_claim(
                campaign, claim=5, token=f"w{worker}", now=now, low=low, high=low + 100
            )
            answers = []
            for one in claim.claimed:
                tries[one.position] += 1
                # Every third message is put off once.
                if one.position % 3 == 0 and tries[one.position] == 1:
                    put_off = MessageStatus.RETRYABLE
                    answers.append(outcome(one.position, put_off, one.attempt, now, due_at=now))
                else:
                    sent.append((one.position, one.text))
                    answers.append(outcome(one.position, attempt=one.attempt, at=now))
            builder.write(campaign, *answers, token=f"w{worker}")
            # While an edit has locked what waits, PostgreSQL shows none of it.
            if not claim.claimed and not is_waiting(store, campaign, low, low + 100):
                return

    def change(person: int) -> int:
        made = 0
        for number in range(8):
            try:
                if not store.text_edits.unsent(campaign).messages:
                    return made
                edit(store, campaign, f"Dear {{{{name}}}}, edit {person} {number}")
                made += 1
            except UnsentMoved:
                continue
        return made

    with ThreadPoolExecutor(5) as pool:
        workers = [pool.submit(work, worker) for worker in range(3)]
        made = list(pool.map(change, range(2)))
        for each in workers:
            each.result()
    assert sum(made) > 0
    shown = {one.position: one.text for one in store.campaigns.messages(campaign, limit=size)}
    assert len(sent) == size
    assert dict(sent) == shown
    store.admissions.settle(campaign, CampaignStatus.FINISHED, NOW)
    assert audit(store.database).findings == ()


def is_waiting(store: Store, campaign: str, low: int, high: int) -> bool:
    statuses = [one.status for one in store.campaigns.messages(campaign, limit=high)][low:]
    return not {MessageStatus.QUEUED, MessageStatus.RETRYABLE}.isdisjoint(statuses)


EDITING = """
import sys
from dataclasses import replace
from campaign.settings import Settings
from store.store import open_store
from tests.store.campaigns.test_text_edits import edit
store = open_store(Settings(database_url=sys.argv[1], secret_key="s" * 43))
for number in range(1, 10_000):
    print(number, flush=True)
    edit(store, sys.argv[2], f"{{{{name}}}} edit {number}")
"""


def test_a_process_killed_amid_an_edit_leaves_all_texts_or_none(
    builder: StoreBuilder,
) -> None:
    campaign = admitted(builder, 500)
    command = [sys.executable, "-c", EDITING, builder.store.database.url, campaign]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "2":
        assert process.poll() is None
    time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    edits = {
        message.text.partition(" ")[2]
        for message in builder.store.campaigns.messages(campaign, limit=500)
    }
    assert len(edits) == 1, edits
    assert audit(builder.store.database).findings == ()
