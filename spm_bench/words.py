"""How numbers are told to people, wherever they are told."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Hours, minutes and seconds; always all three, as "1:02" could be either two of them. Less than nothing is 0.

    >>> clock(3725.4)
    '1:02:05'
    """
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
