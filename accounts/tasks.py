"""What is done by the clock."""

from __future__ import annotations

from celery import shared_task


@shared_task(ignore_result=True, expires=600)
def forget_ended() -> None:
    """Drop sessions, invitations and tokens that are over, and guesses and addresses nobody asks for any more."""
    from accounts.actions.sessions import forget_sessions
    from accounts.patience import forget
    from tenants.credentials import forget_tokens
    from tenants.invitations import forget_invitations

    forget_sessions()
    forget_invitations()
    forget_tokens()
    forget()
