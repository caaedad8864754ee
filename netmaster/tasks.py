"""What Celery runs for the dialect."""

from __future__ import annotations

from celery import shared_task


@shared_task(ignore_result=True, expires=600)
def forget_lost() -> None:
    """Drop how clients worded what is not there any more."""
    from netmaster import wording

    wording.forget_lost()
