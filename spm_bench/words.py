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


def amount(n_bytes: float) -> str:
    """Bytes in the unit in which they are best read (decimal, as downloads are told everywhere).

    >>> amount(999), amount(1_234), amount(4_560_000_000)
    ('999 bytes', '1.2 kB', '4.6 GB')
    """
    if n_bytes < 999.5:
        return f"{n_bytes:.0f} byte{'s' * (round(n_bytes) != 1)}"
    for unit in ("kB", "MB", "GB"):
        n_bytes /= 1000
        if n_bytes < 999.95:
            return f"{n_bytes:.1f} {unit}"
    return f"{n_bytes / 1000:.1f} TB"
