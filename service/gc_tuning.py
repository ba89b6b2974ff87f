"""Python's search for reference cycles, tuned for processes that live long and make much."""

import gc

# Young objects between two searches. The default, 700, has a search in every second message.
YOUNG_MAX = 50_000


def relax_gc() -> None:
    """Never search what lives now, and search seldom what comes; call it once all is imported.

    A process holds hundreds of thousands of objects of code for life. Looking through them time and
    again took a fifth of a worker's processor time. What is no cycle is freed at once, as ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 20, 50)
