"""E-mail over SMTP: handed over, refused, put off; and nobody's address in what is told of it."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.carriers.servers import free_port
from tests.webhooks.peers import Authority
from tests.webhooks.post_office import post_office
from webhooks.smtp import MailRefused, MailUnavailable, SmtpMail

SENDER, TO = "no-reply@godwit.example", "alice@customer.example"


def letter() -> EmailMessage:
    """A short letter."""
    message = EmailMessage()
    message["From"] = "bob@customer.example"
    message["To"] = TO
    message["Subject"] = "SMS from +61488023555"
    message.set_content("Yes, please 🙂\n.\nBye")
    return message


async def send(url: str, **options: float) -> None:
    """Send the letter in a thread."""
    await asyncio.to_thread(SmtpMail(url, SENDER, **options).send, letter(), TO)


async def test_a_letter_is_handed_over_with_our_own_envelope() -> None:
    async with post_office() as office:
        await send(office.url)
        (mail,) = office.mails
    assert (mail["From"], mail["To"]) == ("bob@customer.example", TO)
    assert mail.get_content().splitlines() == ["Yes, please 🙂", ".", "Bye"]
    assert f"mail FROM:<{SENDER}>" in " ".join(office.commands)
    assert f"rcpt TO:<{TO}>" in " ".join(office.commands)


async def test_credentials_of_the_address_are_used() -> None:
    async with post_office() as office:
        await send(f"smtp://user%40x:p%2Fw@127.0.0.1:{office.port}")
        assert any(said.upper().startswith("AUTH PLAIN") for said in office.commands)
        assert len(office.mails) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "AUTH", "HELLO"])
@pytest.mark.parametrize(("code", "kind"), [(550, MailRefused), (451, MailUnavailable)])
async def test_a_no_is_told_by_its_code_alone(verb: str, code: int, kind: type[Exception]) -> None:
    async with post_office() as office:
        office.answers[verb] = f"{code} <{TO}> not here\r\n".encode()
        with pytest.raises(kind) as caught:
            await send(f"smtp://user:pw@127.0.0.1:{office.port}")
        assert str(caught.value) == f"smtp_{code}"
        assert office.mails == []


async def test_a_server_that_is_not_there_puts_off() -> None:
    with pytest.raises(MailUnavailable, match="ConnectionRefusedError"):
        await send(f"smtp://127.0.0.1:{free_port()}")


async def test_a_server_that_hangs_puts_off() -> None:
    async with post_office() as office:
        office.answers["HELLO"] = b""
        with pytest.raises(MailUnavailable, match="TimeoutError|SMTPServerDisconnected"):
            await send(office.url, timeout_seconds=0.2)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    async with post_office(tls=Authority(tmp_path).serving("localhost")) as office:
        with pytest.raises(MailUnavailable, match="SSL"):
            await send(f"smtps://localhost:{office.port}")


async def test_a_server_without_tls_gets_no_password_where_it_is_required() -> None:
    async with post_office() as office:
        with pytest.raises(MailUnavailable):
            await send(f"smtp+starttls://user:pw@127.0.0.1:{office.port}")
        assert not any(said.upper().startswith("AUTH") for said in office.commands)


def test_without_a_server_nothing_can_be_mailed_yet() -> None:
    with pytest.raises(MailUnavailable, match="smtp_not_configured"):
        SmtpMail("", SENDER).send(letter(), TO)
