"""The database: engine, migrations, secrets at rest."""
