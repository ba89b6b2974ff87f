"""Stores of one process share what SQLAlchemy compiled, as the threads of a server do.

Each test has a store of its own. Without this, each would compile every statement that it uses.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.util import LRUCache

from store.database.engine import Database

STATEMENTS_MAX = 5_000
# By the kind of database: the dialect that connected first, and what was compiled for it.
_dialects: dict[str, Dialect] = {}
_compiled: dict[str, LRUCache[Any, Any]] = defaultdict(lambda: LRUCache(STATEMENTS_MAX))


def share_compiled() -> None:
    """Let every database that is opened from now on use the statements of its kind."""
    opened = Database.__init__

    def open_sharing(self: Database, url: str, pool_size: int = 10) -> None:
        opened(self, url, pool_size)
        for engine in {self.engine, self.read_engine}:
            kind = engine.name
            engine._compiled_cache = _compiled[kind]
            if kind in _dialects:
                # What is compiled is found by its dialect.
                engine.dialect = _dialects[kind]
            else:
                # Only one that has connected knows the server's version.
                event.listen(
                    engine,
                    "first_connect",
                    lambda *_, kind=kind, dialect=engine.dialect: _dialects.setdefault(
                        kind, dialect
                    ),
                )

    Database.__init__ = open_sharing  # type: ignore[method-assign]
