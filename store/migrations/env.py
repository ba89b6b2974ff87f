"""Run migrations on the connection that ``store.migrate`` hands over."""

from alembic import context

from store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
