"""What is measured besides rates: a file each, all on one stack on SQLite.

A module offers ``async def measure(stack, sizes) -> dict[str, float]``: values by the names of
``bench/series.py``.
"""
