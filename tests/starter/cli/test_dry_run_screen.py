"""What ``godwit send --dry-run`` shows without ``--json``: the figures of the API, in words."""

from pathlib import Path

from campaign.rates import sender_scope
from store.store import Store
from tests.starter.cli.conftest import CommandLine
from tests.store.builders import NOW

PEOPLE = (
    "to,NAME\n"
    "+14155551000,Ann\n"
    "+14155551001,“Bob”\n"
    "+14155551002,Zoë 👋\n"
    "+14155551000,Ann\n"
    "+61491570156,\n"
    "+14155551004,Eve\n"
    "0800,Max\n"
)
TEXT = "Hi {{NAME}}, {{NAME}}, {{NAME}}: we are open from nine to five, see you soon! [Reply]"


def test_it_says_who_gets_what_for_how_much_and_when(godwit: CommandLine, store: Store) -> None:
    account = store.accounts.show("acme")
    assert account is not None
    store.opt_outs.add(account.id, "+14155551004", "test", NOW)
    store.rates.set_rate(sender_scope(account.id, "+18005559876"), 0.5)
    file = godwit.file("people.csv", PEOPLE)
    words = ("send", file, "--text", TEXT, "--skip-invalid", "--dry-run")
    shown = godwit(*words)
    assert (shown.code, shown.err) == (0, "godwit: 1 of 7 rows are left out\n")
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    for line in (
        "Dry run nothing is sent or paid; the campaign can be sent as it is",
        "Recipients 4 of 7 get a message",
        "Left out 3, because",
        "1 the number is there twice, and gets one message",
        "1 the recipient opted out",
        "1 to: is no phone number with its country code",
        "Messages 4 in 6 segments",
        "Price 8 SMS credits",
        "Available 100 SMS credits",
        "Encodings 2 texts are GSM-7: up to 160 characters in one segment",
        "2 texts are UCS-2: up to 70, because of other characters",
        '3 x “ left double quotation mark: "',
        "3 x 👋 waving hand sign: no replacement",
        "smartEncoding would save 1 segment",
        "Countries US 3 messages in 5 segments for 6 SMS credits",
        "AU 1 message in 1 segment for 2 SMS credits",
        "Limited by the rate of sender +18005559876: 0.5 segments/s",
        "Sample 1 to +14155551001, 2 segments, UCS-2",
    ):
        assert line in lines, (line, shown.out)
    assert sum(line.startswith("Sample ") for line in lines) == 3
    api = godwit(*words, "--json").json
    assert (api["toSend"], api["total"], api["segments"]) == (4, 6, 6)
    assert (api["credits"]["sms"], api["smartEncodingSaves"]) == (8, 1)
    assert godwit("list", "--json").json == []


def test_it_says_why_a_campaign_would_be_refused(godwit: CommandLine, tmp_path: Path) -> None:
    file = godwit.file("people.csv", PEOPLE)
    words = ("--text", "=Hi", "--skip-invalid", "--dry-run", "--credits-max", "1")
    shown = godwit("send", file, *words)
    assert shown.code == 0
    assert "nothing is sent or paid; the campaign would be refused:" in shown.out
    assert "- creditsMax: the campaign would cost 10 SMS credits, more than 1" in shown.out


def test_on_a_terminal_of_80_columns_no_line_is_cut(godwit: CommandLine) -> None:
    long = "x" * 200 + " \u202e"
    file = godwit.file("a.json", {"recipients": [{"to": "+14155551000", "text": f"“{long[:-1]}"}]})
    godwit.environment |= {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "dumb"}
    shown = godwit("send", file, "--dry-run")
    assert shown.code == 0 and max(map(len, shown.out.splitlines())) <= 80
    assert shown.out.count("x") >= 200
