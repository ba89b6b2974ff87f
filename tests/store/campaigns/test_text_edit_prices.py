"""What edits hold of messages under way: the dearer of both texts, however often it is edited."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from campaign.credits import MessageKind, Price
from campaign.prices import PriceList, Tariff
from campaign.states import MessageStatus
from campaign.text_edits import compose_edit
from store.campaigns.audit import audit
from store.campaigns.text_edits import TextEdit
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.campaigns.test_text_edit_races import HASTY
from tests.store.campaigns.test_text_edits import LONG, admitted

SIZE = 3
ANSWERS = (None, MessageStatus.SENT, MessageStatus.RETRYABLE)
# A message of one segment has the standard price.
BY_SEGMENT = PriceList({MessageKind.SMS: Tariff(Price(), Price(2))})
TEXTS = {1: "Dear {{name}}", 2: LONG, 3: LONG + LONG}


def edit(store: Store, campaign_id: str, segments: int) -> TextEdit:
    """Give what has not left a text of so many segments."""
    unsent = store.text_edits.unsent(campaign_id)
    assert unsent.template is not None
    template = replace(unsent.template, text=TEXTS[segments])
    composed = compose_edit("a", "native", template, unsent.messages, NOW, None, BY_SEGMENT)
    return store.text_edits.apply(campaign_id, composed, template, NOW)


def test_a_dearer_edit_that_is_repeated_holds_its_difference_once(builder: StoreBuilder) -> None:
    campaign = admitted(builder, SIZE)
    builder.flush_and_claim(campaign, high=1)
    assert edit(builder.store, campaign, 2).difference == Price(2 * SIZE)
    assert edit(builder.store, campaign, 2).difference == Price()
    assert builder.balance().held == 4 * SIZE
    # A cheaper one takes the place of the kept one, and what that would have cost is given back.
    assert edit(builder.store, campaign, 1).difference == Price(-2 * SIZE)
    assert builder.balance().held == 2 * SIZE


steps = st.lists(
    st.one_of(
        st.sampled_from([1, 2, 3]),
        st.tuples(
            st.integers(0, SIZE - 1),
            st.sampled_from(ANSWERS),
        ),
    ),
    max_size=12,
)


@HASTY
@given(steps)
def test_whatever_is_edited_when_each_message_holds_the_dearer_of_its_two_prices(
    builder: StoreBuilder, steps: list[int | tuple[int, MessageStatus | None]]
) -> None:
    """The model: what the messages hold, and what those held too much that left more cheaply."""
    store, campaign = builder.store, admitted(builder, SIZE)
    before = builder.balance().held - 2 * SIZE
    price, kept = dict.fromkeys(range(SIZE), 2), dict[int, int]()
    under_way: dict[int, int] = {}
    surplus = 0
    for step in steps:
        if isinstance(step, int):
            if not price:
                continue
            assert edit(store, campaign, step).refusal is None
            for position in price:
                if position in under_way:
                    kept[position] = 2 * step
                else:
                    price[position] = 2 * step
        elif step[0] in price:
            position, status = step
            if position not in under_way:
                claim = builder.flush_and_claim(campaign, low=position, high=position + 1)
                under_way[position] = claim.claimed[0].attempt
            if status is None:
                continue
            due = NOW if status is MessageStatus.RETRYABLE else None
            builder.write(campaign, outcome(position, status, under_way.pop(position), due_at=due))
            held = max(price[position], kept.get(position, 0))
            now = kept.pop(position, price[position])
            if status is MessageStatus.RETRYABLE:
                surplus, price[position] = surplus + held - now, now
            else:
                surplus += held - price.pop(position)
        held_now = sum(max(price[each], kept.get(each, 0)) for each in price)
        assert builder.balance().held == before + held_now + surplus
        assert audit(store.database, campaign).findings == ()
