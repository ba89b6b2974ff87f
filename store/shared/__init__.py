"""What several parts of the store write: ledger, outbox, keys, rates."""
