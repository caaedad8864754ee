"""What Celery runs. Every task is a key and a look at the database: running one twice, late or never loses nothing."""

from __future__ import annotations

from celery import shared_task


@shared_task(ignore_result=True)
def publish(tenant_id: int) -> None:
    """Compile a tenant's intent and store what is new for each of its nodes."""
    from worker.publish import publish_tenant

    publish_tenant(tenant_id)


@shared_task(ignore_result=True, expires=10)
def publish_stale() -> None:
    """Find what a lost wake-up left behind: generations not compiled, nodes not told."""
    from worker.publish import nudge_nodes, publish_stale_tenants

    publish_stale_tenants()
    nudge_nodes()


@shared_task(ignore_result=True, expires=10)
def note_silent_nodes() -> None:
    """Mark nodes whose connection died without a word."""
    from worker.nodes import note_silent

    note_silent()


@shared_task(ignore_result=True, expires=5)
def sample_traffic() -> None:
    """Write one throughput sample per tenant that has traffic."""
    from worker.intake import sample

    sample()


@shared_task(ignore_result=True, expires=600)
def forget_old() -> None:
    """Drop samples, denied flows, realizations and steps that nobody looks at any more."""
    from worker.intake import forget

    forget()
