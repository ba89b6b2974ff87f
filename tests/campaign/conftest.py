"""Properties are held against many examples; how long one takes on a busy machine is no fault."""

from hypothesis import settings

settings.register_profile("campaign", deadline=None)
settings.load_profile("campaign")
