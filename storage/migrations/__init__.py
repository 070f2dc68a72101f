"""Alembic's home: what changed in the schema, revision by revision."""
