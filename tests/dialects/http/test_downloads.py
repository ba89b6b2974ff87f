"""Whether a caller prefers CSV, and what a download is."""

import pytest
from starlette.requests import Request

from dialects.http.downloads import csv_download, wants_csv
from tests.serving import Api


def asking(*accept: str) -> Request:
    """A request with headers Accept."""
    headers = [(b"accept", value.encode()) for value in accept]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    "accept",
    [
        ["text/csv"],
        ["TEXT/CSV; charset=utf-8"],
        ["text/csv, application/json"],
        ["text/csv, */*;q=0.1"],
        ["application/json;q=0.5, text/csv;q=0.6"],
        ["text/*"],
        ["application/json;q=0.2", "text/csv"],
    ],
)
def test_csv_is_sent_where_it_is_liked_best(accept: list[str]) -> None:
    assert wants_csv(asking(*accept))


@pytest.mark.parametrize(
    "accept",
    [
        [],
        ["*/*"],
        ["application/json"],
        ["text/csv;q=0"],
        ["text/csv; q=0.000, */*"],
        ["application/json, text/csv;q=0.5"],
        ["text/html, */*;q=0.8"],
        ["text/*, text/csv;q=0"],
        ["text/csv;q=no"],
        ["text/csvx"],
        [";;,,q=1"],
    ],
)
def test_json_is_sent_everywhere_else(accept: list[str]) -> None:
    assert not wants_csv(asking(*accept))


async def test_a_download_has_a_name_and_a_byte_order_mark_unless_it_is_switched_off() -> None:
    for bom, first in ((True, "\ufeff"), (False, "")):
        answer = csv_download(["to\r\n"], "report-cmp_1", bom)
        assert answer.headers["content-disposition"] == 'attachment; filename="report-cmp_1.csv"'
        assert answer.media_type == "text/csv"
        assert "".join([str(part) async for part in answer.body_iterator]) == first + "to\r\n"


@pytest.mark.one_store
async def test_the_report_is_a_named_file_by_accept_alone(api: Api) -> None:
    body = {"text": "Hello", "recipients": [{"to": "+14155550100", "reference": " =1+1"}]}
    made = (await api.http.post("/v1/campaigns", json=body, auth=api.basic())).json()
    path = f"/v1/campaigns/{made['id']}/report"
    auth = api.basic()
    csv = await api.http.get(path, headers={"accept": "text/csv"}, auth=auth)
    assert csv.content.startswith(b"\xef\xbb\xbfposition,")
    assert made["id"] in csv.headers["content-disposition"] and ",' =1+1" in csv.text
    plain = await api.http.get(f"{path}?bom=false", headers={"accept": "text/csv"}, auth=auth)
    assert plain.content.startswith(b"position,")
    json = await api.http.get(path, headers={"accept": "text/csv;q=0"}, auth=auth)
    assert json.json()["campaignId"] == made["id"]
