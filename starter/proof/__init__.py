"""``godwit prove``: the promise, tried on an installation while its parts are killed."""
