"""The plots of the Overview as numbers: {times: [seconds since the epoch], series: [{name, values}]}."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import JsonResponse

from contivui.web.request import PageRequest
from networks.models import Network
from tenants.models import Tenant
from worker.intake import SAMPLES_KEPT
from worker.models import TrafficSample

#: More lines than these nobody tells apart: the busiest are drawn, the rest are one line.
MOST_LINES = 7
#: Samples of a moment are written within one task run; a little is added so that none is sent twice.
STEP = timedelta(milliseconds=1)
#: How far back to look for the sample a rate is measured against.
BEFORE = timedelta(seconds=10)

Points = dict[float, dict[str, float]]


def throughput(request: PageRequest) -> JsonResponse:
    """Bits per second that the endpoints of each network send."""
    tenants, since = asked(request)
    samples = _samples(tenants, since + STEP)
    names = _network_names(tenants, several=len(tenants) > 1)
    points: Points = defaultdict(dict)
    for sample in samples:
        for key, bps in sample.network_bps.items():
            points[_seconds(sample.at)][names.get(key, key)] = float(bps)
    return JsonResponse(lines(points))


def denied(request: PageRequest) -> JsonResponse:
    """Packets a minute that policy dropped, of each tenant."""
    tenants, since = asked(request)
    names = {tenant.pk: tenant.name for tenant in tenants}
    points: Points = defaultdict(dict)
    before: dict[int, TrafficSample] = {}
    for sample in _samples(tenants, since - BEFORE):
        old, before[sample.tenant_id] = before.get(sample.tenant_id), sample
        if old and sample.at >= since + STEP:
            points[_seconds(sample.at)][names[sample.tenant_id]] = per_minute(old, sample)
    return JsonResponse(lines(points))


def per_minute(old: TrafficSample, new: TrafficSample) -> float:
    """A total shrinks when a node goes: of that moment nothing is known but that it is not negative."""
    seconds = max((new.at - old.at).total_seconds(), 0.1)
    return round(max(new.denied_total - old.denied_total, 0) * 60 / seconds, 1)


def asked(request: PageRequest) -> tuple[Sequence[Tenant], datetime]:
    """The tenants a plot is of, and from when on. An unreadable `since` is the beginning of what is kept."""
    person = request.person
    tenants = [person.tenant] if person.tenant else list(person.tenants)
    try:
        since = datetime.fromtimestamp(float(request.GET.get("since", "")), UTC)
    except (ValueError, OverflowError, OSError):
        since = datetime.min.replace(tzinfo=UTC) + BEFORE
    return tenants, max(since, datetime.now(UTC) - SAMPLES_KEPT)


def lines(points: Points) -> dict[str, Any]:
    """The points as columns; the least of many lines are added up."""
    weight: Counter[str] = Counter()
    for values in points.values():
        weight.update({name: round(value) for name, value in values.items()})
    for values in points.values():
        weight.update(dict.fromkeys(values, 0))
    drawn = [name for name, _ in weight.most_common(MOST_LINES)]
    times = sorted(points)
    series = [{"name": name, "values": [points[time].get(name) for time in times]} for name in sorted(drawn)]
    if len(weight) > len(drawn):
        series.append({"name": "…", "values": [_rest(points[time], drawn) for time in times]})
    return {"times": times, "series": series}


def _rest(values: dict[str, float], drawn: Iterable[str]) -> float:
    shown = set(drawn)
    return sum(value for name, value in values.items() if name not in shown)


def _samples(tenants: Sequence[Tenant], since: datetime) -> Iterable[TrafficSample]:
    return TrafficSample.objects.filter(tenant__in=tenants, at__gte=since).order_by("at")


def _network_names(tenants: Sequence[Tenant], *, several: bool) -> dict[str, str]:
    """By id as text, as samples name them; with the tenant where names of two may be the same."""
    rows = Network.objects.filter(tenant__in=tenants).values_list("pk", "name", "tenant__name")
    name: Callable[[str, str], str] = lambda own, tenant: f"{tenant} · {own}" if several else own  # noqa: E731
    return {str(pk): name(own, tenant) for pk, own, tenant in rows}


def _seconds(moment: datetime) -> float:
    return round(moment.timestamp(), 3)
