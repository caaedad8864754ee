"""A person's own page: how she signs in, and where she is signed in."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions.sessions import end_session, end_sessions, sessions_of
from accounts.agents import browser_of
from contivui.web.request import PageRequest
from tenants.credentials import tokens_of


@require_safe
def account(request: PageRequest) -> HttpResponse:
    """Password, sessions and tokens."""
    own = request.session.session_key
    rows = [
        {"row": row, "browser": browser_of(row.agent), "here": row.session_key == own}
        for row in sessions_of(request.user)
    ]
    context = {"sessions": rows, "tokens": tokens_of(request.user).filter(user=request.user)}
    return render(request, "accounts/account.html", context)


@require_POST
def end(request: PageRequest) -> HttpResponse:
    """Sign out one other browser (`session`: its public id), or all others."""
    said = request.POST.get("session", "")
    if not said:
        end_sessions(actor=request.person.actor, user=request.user, keep=request.session.session_key)
        messages.success(request, _("You are signed out everywhere else."))
        return redirect("account")
    row = sessions_of(request.user).filter(public_id=said.replace("\0", "")).first()
    if row is None:
        raise Http404
    end_session(actor=request.person.actor, row=row)
    return redirect("account")
