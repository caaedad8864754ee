"""What nodes measured of rules and endpoints, for the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Sum
from django.utils import timezone

from contivui.web.templatetags.ui import rate
from worker.intake import RATE_FRESH
from worker.models import EndpointTraffic, RuleHits


@dataclass(frozen=True, slots=True)
class Hits:
    """How often a rule decided, on all nodes together."""

    packets: int
    bytes: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an endpoint sends and receives: bits per second over the last report, bytes since it was plugged in."""

    tx_bps: int
    rx_bps: int
    tx_bytes: int
    rx_bytes: int
    at: datetime

    @property
    def short(self) -> str:
        return f"{rate(self.tx_bps)} / {rate(self.rx_bps)}"


def hits_of(rules: Sequence[Any]) -> dict[int, Hits]:
    rows = RuleHits.objects.filter(rule__in=[rule.pk for rule in rules]).values("rule_id").order_by()
    sums = rows.annotate(n_packets=Sum("packets"), n_bytes=Sum("bytes"), newest=Max("last_at"))
    return {row["rule_id"]: Hits(row["n_packets"], row["n_bytes"], row["newest"]) for row in sums}


def traffic_of(endpoints: Sequence[Any]) -> dict[int, Traffic]:
    rows = EndpointTraffic.objects.filter(endpoint__in=[endpoint.pk for endpoint in endpoints])
    return {row.endpoint_id: traffic(row) for row in rows}


def traffic(row: EndpointTraffic) -> Traffic:
    """A rate nobody has renewed is no rate any more: then it is 0."""
    fresh = row.at >= timezone.now() - RATE_FRESH
    tx_bps, rx_bps = (row.tx_bps, row.rx_bps) if fresh else (0, 0)
    return Traffic(tx_bps, rx_bps, row.tx_bytes, row.rx_bytes, row.at)
