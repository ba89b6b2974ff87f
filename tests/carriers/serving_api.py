"""Our API on a real port of this process, with a store of its own behind it."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import Mock

import uvicorn
from pydantic import SecretStr

from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import CampaignService
from starter.api.app import create_app
from store.store import Store, open_store
from tests.carriers.described import PUBLIC_URL


@contextlib.contextmanager
def scratch_store(migrated: Path, directory: Path, carrier: str = "pretend") -> Iterator[Store]:
    """A store of an installation with this carrier, in a copy of a migrated file."""
    file = shutil.copyfile(migrated, directory / "godwit.db")
    settings = Settings(
        database_url=f"sqlite:///{file}",
        secret_key=SecretStr("a secret for tests"),
        carrier=carrier,
    )
    store = open_store(settings)
    yield store
    store.close()


class _Quiet(uvicorn.Server):
    """A server that leaves the signals of this process alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving_api(
    store: Store, carrier: str, public_url: str = PUBLIC_URL, port: int = 0
) -> AsyncIterator[str]:
    """Serve the API for one carrier's calls; its address. It admits no campaign."""
    settings = Settings(
        database_url=str(store.database.engine.url),
        secret_key=SecretStr("a secret for tests"),
        carrier=carrier,
        public_url=public_url,
    )
    app = create_app(
        ApiContext(settings, store, Mock(spec=CampaignService), RequestLimiter("memory://"))
    )
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, http="httptools", log_level="warning", lifespan="off"
    )
    server = _Quiet(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{bound}"
    finally:
        server.should_exit = True
        await serving
