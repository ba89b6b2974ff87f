"""Programs that look at links are told from people by their agents and headers."""

import pytest

from campaign.link_scanners import is_preview

IMESSAGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) "
    "Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
)
PREVIEWS = [
    IMESSAGE,
    "WhatsApp/2.23.20.0 A",
    "WhatsApp/2.2412.54 N",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/56.0 Safari/537.36 "
    "Google-PageRenderer Google (+https://developers.google.com/+/web/snippet/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "TelegramBot (like TwitterBot)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
]
PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 7) AppleWebKit/537.36 Chrome/126.0 Mobile",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 "
    "[FBAN/FBIOS;FBAV/470.0.0.36.110;FBDV/iPhone14,5]",
    "Mozilla/5.0 (Linux; Android 13; SM-A536B) Chrome/120.0 Mobile Safari/537.36 Instagram 312.0",
    "",
]


@pytest.mark.parametrize("agent", PREVIEWS)
def test_known_programs_make_previews(agent: str) -> None:
    assert is_preview("GET", {"user-agent": agent})


@pytest.mark.parametrize("agent", PEOPLE)
def test_browsers_of_people_click(agent: str) -> None:
    assert not is_preview("GET", {"user-agent": agent})
    assert is_preview("HEAD", {"user-agent": agent})


@pytest.mark.parametrize(
    ("name", "value"),
    [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-purpose", "preview")],
)
def test_what_a_browser_fetches_ahead_is_a_preview(name: str, value: str) -> None:
    assert is_preview("GET", {"user-agent": PEOPLE[0], name: value})


def test_an_endless_agent_is_read_for_a_moment_only() -> None:
    assert not is_preview("GET", {"user-agent": "x" * 100_000 + "googlebot"})
