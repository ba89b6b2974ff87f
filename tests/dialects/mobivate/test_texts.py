"""Personalisation and number formats of the Mobivate API: plain text in, plain text out."""

import pytest

from campaign.refusals import Refused
from campaign.states import MessageStatus
from tests.dialects.mobivate.calls import accepted, batch, composed, post, texts
from tests.serving import Api

TAGGED = "Hello {{NAME}}, how is the weather in {{CITY}}?"


def said(text: str, meta: dict[str, object]) -> str:
    """What one recipient with these meta fields would get."""
    body = batch(1, text=text)
    body["recipients"][0]["meta"] = meta
    (message,) = composed(body).messages
    return message.text


@pytest.mark.one_store
async def test_each_recipients_meta_fills_the_tags(api: Api) -> None:
    body = batch(2, text=TAGGED)
    body["recipients"][0]["meta"] = {"NAME": "John", "CITY": "London"}
    body["recipients"][1]["meta"] = {"NAME": "Jack", "CITY": "Dublin"}
    assert texts(api, (await accepted(api, body))["id"]) == [
        "Hello John, how is the weather in London?",
        "Hello Jack, how is the weather in Dublin?",
    ]


@pytest.mark.parametrize(
    ("text", "meta", "expected"),
    [
        ("{{NAME}}", {"NAME": "{{CITY}}", "CITY": "x"}, "{{CITY}}"),
        ("{{NAME}}{{NAME}}", {"NAME": "{{NAME}}"}, "{{NAME}}{{NAME}}"),
        ("{{ NAME }} {{\tNAME}}", {"NAME": "Ada"}, "Ada Ada"),
        ("{{NAME}}", {"name": "lower"}, "lower"),
        ("{{name}} {{NAME}}", {"name": "lower", "NAME": "UPPER"}, "lower UPPER"),
        ("{{NAME}}", {"NAME": 'O\'Brien & <b>"x"</b>'}, 'O\'Brien & <b>"x"</b>'),
        ("{{NAME}}", {"NAME": "\\1 \\g<0> %s {0} ${x}"}, "\\1 \\g<0> %s {0} ${x}"),
        ("{{N}} of {{M}}", {"N": 3, "M": 4.5}, "3 of 4.5"),
        ("{{A}}/{{B}}", {"A": True, "B": False}, "true/false"),
        ("Dear {{NAME}}!", {"NAME": ""}, "Dear !"),
        # Names of fields that nobody has, and no code.
        ("{{=<% %>=}} hi", {}, " hi"),
        ("{{#A}}x{{/A}} hi", {"A": "1"}, "x hi"),
        ('{{"a"*100000000}} hi', {}, " hi"),
        ("{{7*7}} {%if 1%}x{%endif%}", {}, " {%if 1%}x{%endif%}"),
        ("{{A.__class__}} ${A} {A} %(A)s", {"A": "x"}, " ${A} {A} %(A)s"),
        ("{{type}}", {"type": "gold"}, "gold"),
    ],
)
def test_a_value_is_text_whatever_it_looks_like(
    text: str, meta: dict[str, object], expected: str
) -> None:
    assert said(text, meta) == expected


@pytest.mark.parametrize("text", ["{{{NAME}}}", "{{NAME", "{{}}"])
def test_braces_that_are_no_tag_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        said(text, {"NAME": "Ada"})


async def test_a_missing_value_is_left_empty_and_counted_in_the_report(api: Api) -> None:
    body = batch(3, text=TAGGED)
    body["recipients"][0]["meta"] = {"NAME": "John", "CITY": "London"}
    body["recipients"][1]["meta"] = {"NAME": "Jack", "CITY": None, "EXTRA": "not used"}
    record = await accepted(api, body)
    assert texts(api, record["id"]) == [
        "Hello John, how is the weather in London?",
        "Hello Jack, how is the weather in ?",
        "Hello , how is the weather in ?",
    ]
    await api.finished(record["id"])
    report = await api.http.get(f"/v1/campaigns/{record['id']}/report", auth=api.basic())
    reasons = [one for one in report.json()["reasons"] if one["reason"] == "fields_missing"]
    assert sum(one["count"] for one in reasons) == 2
    assert report.json()["counts"]["sent"] + report.json()["counts"]["delivered"] == 3


def test_a_megabyte_of_meta_that_no_tag_uses_does_no_harm() -> None:
    assert said("Hello {{A}}", {"A": "you", "B": "x" * 1_000_000}) == "Hello you"


FORMS = [
    "447900000001",
    "+447900000001",
    "00447900000001",
    "44 7900 000001",
    "+44 (0)7900 000-001",
    "4407900000001",
    "44.7900.000001",
    "\uff14\uff14\uff17\uff19\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
    "+\u0664\u0664\u0667\u0669\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661",
]


async def test_an_opt_out_holds_however_the_number_is_written(api: Api) -> None:
    store, account = api.story.store, api.story.account.id
    added = [store.opt_outs.add(account, form, "api", 1) for form in FORMS]
    assert added == [True] + [False] * (len(FORMS) - 1)
    assert all(store.opt_outs.contains(account, form) for form in FORMS)
    assert [one.number for one in store.opt_outs.list(account)] == ["+447900000001"]
    body = batch(recipients=[{"recipient": other} for other in FORMS], excludeDuplicates=False)
    record = await accepted(api, body)
    campaign = await api.finished(record["id"])
    assert campaign["counts"]["skipped"] == len(FORMS)
    assert api.story.carrier.log == []


def test_one_number_in_many_forms_is_one_recipient() -> None:
    messages = composed(batch(recipients=[{"recipient": form} for form in FORMS])).messages
    assert {one.to for one in messages} == {"+447900000001"}
    assert [one.status for one in messages].count(MessageStatus.SKIPPED) == len(FORMS) - 1


@pytest.mark.one_store
async def test_a_number_that_no_plan_knows_is_left_to_the_carrier(api: Api) -> None:
    record = await accepted(api, batch(recipients=[{"recipient": "4479000000100"}]))
    await api.finished(record["id"])
    assert [row["to"] for row in api.story.carrier.log] == ["+4479000000100"]


@pytest.mark.one_store
async def test_a_number_of_no_country_is_refused(api: Api) -> None:
    for impossible in ("9991234567890", "-2147483648/-1", "447900000100.5"):
        answer = await post(api, batch(recipients=[{"recipient": impossible}]))
        assert (answer.status_code, "recipients[0].recipient" in answer.text) == (400, True)
    assert api.story.carrier.log == []
