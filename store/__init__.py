"""Everything that is remembered: SQLModel tables and the transactions on them."""
