"""What time has ended is shown for a while, and then forgotten; what never ends stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tasks import forget_ended
from tenants.change import SYSTEM
from tenants.credentials import ENDED_KEPT, make_token
from tenants.invitations import invite
from tenants.models import AuditEntry, Invitation, Token
from tenants.testing import Cast

LONG, SHORT = ENDED_KEPT + timedelta(minutes=1), ENDED_KEPT - timedelta(minutes=1)
#: How long ago each ended; the last has not.
ENDED = {"long": LONG, "short": SHORT, "good": -timedelta(days=1)}


@pytest.mark.django_db
def test_invitations_and_tokens_that_ended_long_ago_are_forgotten(people: Cast) -> None:
    now = timezone.now()
    for name, ago in ENDED.items():
        invitation, _ = invite(actor=SYSTEM, tenant=people.blue, email=f"{name}@example.com")
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=now - ago)
        for tenant in (None, people.blue):
            token, _ = make_token(actor=SYSTEM, user=people.alice, name=name, tenant=tenant)
            Token.objects.filter(pk=token.pk).update(expiry=now - ago)
    make_token(actor=SYSTEM, user=people.alice, name="for ever")
    recorded = AuditEntry.objects.count()
    forget_ended()
    assert {row.email for row in Invitation.objects.all()} == {"short@example.com", "good@example.com"}
    names = sorted(Token.objects.values_list("name", flat=True))
    assert names == ["for ever", "good", "good", "short", "short"]
    assert AuditEntry.objects.count() == recorded, "nobody did anything"
