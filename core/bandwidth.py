"""Rates: what people type, and the two numbers a token bucket needs besides the rate, so that its queue is bounded."""

from __future__ import annotations

import re
from decimal import Decimal

#: What a rate may be, in bits per second: below, one packet takes seconds; above, no interface follows.
LOWEST_BPS, HIGHEST_BPS = 1_000, 10**12

#: A full packet with its headers, and the largest the kernel builds before cutting it for the wire (GSO: 64 KiB,
#: counted with the headers all of its pieces will have), in bytes.
_PACKET, _LARGEST_PACKET = 1_600, 70_000
_BURST_SECONDS, _QUEUE_SECONDS = Decimal("0.004"), Decimal("0.040")
_FEWEST_BURST_PACKETS, _FEWEST_QUEUE_PACKETS = 5, 10
_MOST_BYTES = 16 * 1024 * 1024

#: The word for no limit, which is stored as 0.
UNLIMITED = "unlimited"
_EXAMPLE = "Write a rate such as 10 Mbit/s."
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_RATE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) ?([kmgt]?)(?:bit/s|bits/s|bit|bps|b/s)?", re.IGNORECASE | re.ASCII)
_BYTES = re.compile(r"[0-9. ]+[kKmMgGtT]?i?(B|B/s|[Bb]ytes?(/s)?)", re.ASCII)


class RateError(ValueError):
    """A text that is no rate, or a rate that cannot be; the sentence says what would be right."""


def default_burst(rate_bps: int) -> int:
    """Bytes an endpoint may send at once: 4 ms of the rate, which rides over a timer that fires late, and five
    packets at least, 16 MiB at most. Small enough that a second of traffic keeps within a few percent of the rate."""
    return _bounded(rate_bps, _BURST_SECONDS, _FEWEST_BURST_PACKETS * _PACKET)


def queue_bytes(rate_bps: int, burst_bytes: int) -> int:
    """Bytes that may wait for the bucket: 40 ms of the rate, ten packets at least (more than 40 ms below 3.2 Mbit/s).

    A packet no larger than the burst is queued whole, so a burst asked for by hand makes room for one such packet:
    the queue would otherwise drop every large one.
    """
    wanted = _bounded(rate_bps, _QUEUE_SECONDS, _FEWEST_QUEUE_PACKETS * _PACKET)
    return max(wanted, min(burst_bytes, _LARGEST_PACKET))


def parse_rate(text: str) -> int:
    """Bits per second from "10 Mbit/s", "10mbps", "1.5G" or a bare number; "unlimited" is 0. Raises RateError."""
    words = " ".join(text.split())
    if words.lower() == UNLIMITED:
        return 0
    if _BYTES.fullmatch(words):
        raise RateError(f"“{words}” is in bytes; rates are in bits. {_EXAMPLE}")
    match = _RATE.fullmatch(words)
    if not match or len(words) > 40:
        raise RateError(f"“{words[:40]}” is no rate. {_EXAMPLE}")
    rate = Decimal(match[1]) * _UNITS[match[2].lower()]
    return check_rate(int(rate) if rate == int(rate) else round(rate))


def check_rate(rate_bps: int) -> int:
    """The rate itself if it can be one. Raises RateError."""
    if rate_bps <= 0:
        raise RateError(f"A rate is more than 0. {_EXAMPLE}")
    if not LOWEST_BPS <= rate_bps <= HIGHEST_BPS:
        raise RateError(f"A rate is {format_rate(LOWEST_BPS)} to {format_rate(HIGHEST_BPS)}. {_EXAMPLE}")
    return rate_bps


def format_rate(rate_bps: int) -> str:
    """A rate as people write it, exactly: parse_rate reads the same number back. 0 is "unlimited"."""
    if rate_bps == 0:
        return UNLIMITED
    unit, size = max((item for item in _UNITS.items() if item[1] <= rate_bps), key=lambda item: item[1])
    amount = f"{Decimal(rate_bps) / size:f}"
    return f"{amount} {unit.upper() if size > 1000 else unit}bit/s"


def _bounded(rate_bps: int, seconds: Decimal, fewest: int) -> int:
    return min(max(int(rate_bps * seconds / 8), fewest), _MOST_BYTES)
