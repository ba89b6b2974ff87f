"""``godwit activity``: what the operator and the keys did."""

from tests.starter.cli.conftest import CommandLine


def test_what_the_operator_does_is_listed_newest_first(godwit: CommandLine) -> None:
    made = godwit("key", "create", "--sandbox", "--json").json
    godwit("key", "revoke", made["keyId"])
    found = godwit("activity", "--subject", made["keyId"], "--json").json
    assert [one["action"] for one in found] == ["key.revoked", "key.created"]
    operator = {"kind": "operator", "keyId": None, "keyName": None}
    assert all(one["actor"] == operator for one in found)
    lines = godwit("activity", "--actor", "operator", "--limit", "1").out.splitlines()
    assert len(lines) == 1 and "operator  key.revoked" in lines[0] and made["keyId"] in lines[0]
    assert godwit("activity", "--until", "2020-01-01T00:00:00Z", "--json").json == []
    assert "--since" in godwit("activity", "--since", "yesterday").fault
