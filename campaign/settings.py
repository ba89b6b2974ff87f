"""All settings, read from the environment (``GODWIT_*``) once at the start of a process."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, InstanceOf, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from campaign.instants import DAY
from campaign.model import RECIPIENTS_MAX, SCHEDULE_AHEAD_MAX, SPREAD_HOURS_MAX
from campaign.prices import STANDARD_PRICES, PriceList, read_prices
from campaign.schedule import SCHEDULE_AHEAD_CEILING, SPREAD_HOURS_CEILING
from campaign.web_addresses import is_web_address

DATA_DIRECTORY = Path(".godwit")


class Settings(BaseSettings):
    """The environment of one process; ``.env.example`` has a line for each.

    Temporal's address, namespace, TLS and API key are read by the SDK itself
    (``TEMPORAL_ADDRESS`` ...), not here.
    """

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_", extra="ignore", hide_input_in_errors=True
    )

    database_url: str = f"sqlite:///{DATA_DIRECTORY / 'godwit.db'}"
    secret_key: SecretStr = SecretStr("")
    carrier: str = "pretend"
    allow_private_urls: bool = False
    loopback_webhooks: bool = False
    check_media: bool = False
    log_level: Literal["critical", "error", "warning", "info", "debug", "trace"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"

    api_host: str = "127.0.0.1"
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    api_port: int = Field(default=8080, ge=0, le=65535)
    rate_limit_storage: str = "memory://"
    body_bytes_max: int = Field(default=64 * 1024 * 1024, ge=1024)
    prepare_above: int = Field(default=RECIPIENTS_MAX, ge=1, le=RECIPIENTS_MAX)
    connections_max: int = Field(default=800, ge=1)
    spread_hours_max: float = Field(default=SPREAD_HOURS_MAX, gt=0, le=SPREAD_HOURS_CEILING)
    schedule_days_max: int = Field(
        default=SCHEDULE_AHEAD_MAX // DAY, ge=1, le=SCHEDULE_AHEAD_CEILING // DAY
    )
    alphanumeric_senders: Annotated[tuple[str, ...], NoDecode] = ()
    admission_timeout_seconds: float = Field(default=30.0, gt=0)
    public_url: str = ""
    temporal_ui_url: str = ""
    disk_free_bytes_min: int = Field(default=64 * 1024 * 1024, ge=0)
    senders_self_service: bool = False
    short_link_base_url: str = ""
    keep_messages_days: int = Field(default=0, ge=0, le=36_500)
    keep_texts_days: int = Field(default=0, ge=0, le=36_500)
    keep_inbound_days: int = Field(default=0, ge=0, le=36_500)
    keep_activity_days: int = Field(default=0, ge=0, le=36_500)
    suppress_after_failures: int = Field(default=0, ge=0)
    prices_file: Annotated[InstanceOf[PriceList], NoDecode] = Field(
        default_factory=lambda: STANDARD_PRICES
    )

    task_queue: str = "godwit"
    temporal_plugin: str = ""
    worker_build: str = Field(default="", pattern=r"^[A-Za-z0-9._+-]{0,128}$")
    chunk_size: int = Field(default=1_000, ge=1, le=5_000)
    chunks_at_once: int = Field(default=2, ge=1, le=64)
    chunk_window: int = Field(default=128, ge=1, le=1_000)
    metrics_address: str = Field(default="", pattern=r"^(|(\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5})$")
    worker_activities_max: int = Field(default=50, ge=1)
    send_timeout_seconds: float = Field(default=10.0, gt=0)
    retry_backoff_seconds: Annotated[tuple[float, ...], NoDecode] = (5.0, 30.0, 120.0, 600.0)
    unknown_tries: int = Field(default=3, ge=1, le=20)
    receipts_grace_seconds: float = Field(default=60.0, ge=0)
    webhook_deliveries_at_once: int = Field(default=50, ge=1)
    callback_timeout_seconds: float = Field(default=15.0, gt=0, le=60)
    smtp_url: SecretStr = SecretStr("")
    smtp_from: str = "no-reply@localhost"

    @property
    def carriers(self) -> tuple[str, ...]:
        """The carriers in use, in the order in which they are tried."""
        return tuple(name.strip() for name in self.carrier.split(",") if name.strip())

    @property
    def allow_loopback(self) -> bool:
        """Whether webhooks may lead to this machine: only where no message reaches a real phone."""
        return self.loopback_webhooks and self.carriers == ("pretend",)

    @field_validator("carrier")
    @classmethod
    def _some(cls, value: str) -> str:
        """Accept one name, or several separated by commas."""
        if not any(name.strip() for name in value.split(",")):
            raise ValueError("must name a carrier, or several separated by commas")
        return value

    @field_validator("prices_file", mode="before")
    @classmethod
    def _prices(cls, value: object) -> object:
        """Read the file once; none is named by an empty path."""
        if isinstance(value, str | Path):
            return read_prices(Path(value)) if str(value).strip() else STANDARD_PRICES
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        """Accept any case."""
        return value.lower() if isinstance(value, str) else value

    @field_validator("public_url", "short_link_base_url", "temporal_ui_url")
    @classmethod
    def _base(cls, value: str) -> str:
        """Accept an http or https URL without query or fragment; paths are appended to it."""
        if value and (not is_web_address(value) or "?" in value or "#" in value):
            raise ValueError("must be an http or https URL without query or fragment")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: SecretStr) -> SecretStr:
        """Accept smtp, smtps or smtp+starttls with a host; the error text has no password."""
        url = value.get_secret_value()
        if url and not re.fullmatch(r"smtp(s|\+starttls)?://(\S+@)?[\w.-]+(:\d{1,5})?/?", url):
            raise ValueError("must be smtp://, smtps:// or smtp+starttls:// with a host")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Accept IP addresses and networks, such as ``10.0.0.5`` and ``172.16.0.0/12``."""
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError("must be IP addresses or networks, separated by commas") from None
        return value

    @field_validator("alphanumeric_senders")
    @classmethod
    def _answers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Accept a country in ISO 3166 and ``yes`` or ``no``, such as ``JM=yes,DE=no``."""
        if not all(re.fullmatch("[A-Z]{2}=(yes|no)", change) for change in value):
            raise ValueError("must be countries with yes or no, such as JM=yes,DE=no")
        return value

    @field_validator(
        "alphanumeric_senders", "retry_backoff_seconds", "trusted_proxies", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        """Accept ``5,30,120`` from the environment."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
