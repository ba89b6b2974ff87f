"""The decision core under simulation: real store, real chunks; a model of the carrier and time."""
