"""Signing in by OpenID Connect, and the administrators' page of it."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actions.factors import has_factor
from accounts.actions.provider import drop_provider, set_provider, take_in
from accounts.confirming import confirmed_at, is_recent
from accounts.entering import enter
from accounts.models import Provider
from accounts.provider import ProviderFailed, read_answer, send_there, try_out
from accounts.views.factors import hold
from accounts.views.outside import OutsidePage, settings_page
from accounts.views.signing import wanted_page
from contivui.web.forms import VerbForm
from contivui.web.problem import Problem
from contivui.web.request import PageRequest

#: Where a session keeps the page that was wanted, while its browser is at the provider.
WANTED = "wanted"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def _current() -> Provider:
    found = Provider.current()
    if found is None:
        raise Http404
    return found


@login_not_required
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """To the provider."""
    provider, again = _current(), request.user.is_authenticated
    request.session[WANTED] = wanted_page(request)
    try:
        return send_there(request, provider, request.build_absolute_uri(reverse("login.back")), again)
    except ProviderFailed:
        return _not_in(request, _("%(name)s does not answer. Try again later.") % {"name": provider})


@login_not_required
@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """From the provider: whoever it vouches for is in, or is asked for her second factor here."""
    provider = _current()
    wanted = request.session.pop(WANTED, reverse("overview"))
    try:
        vouched = read_answer(request, provider)
        user = take_in(vouched)
    except ProviderFailed:
        return _not_in(request, _("%(name)s did not vouch for you. Try again.") % {"name": provider})
    except Problem as problem:
        return _not_in(request, problem.message)
    if not user.is_active:
        return _not_in(request, _("This account may not sign in."))
    return _let_in(request, user, wanted, vouched.shown_at)


def _let_in(request: HttpRequest, user: User, wanted: str, shown_at: datetime | None) -> HttpResponse:
    """A provider that knows her browser lets her in without asking: then she has shown nothing that counts here as the
    password would."""
    user.backend = BACKEND
    again = request.user == user
    if has_factor(user) and not again:
        hold(request, user, wanted)
        return redirect("login.factor")
    if again and not is_recent(shown_at):
        return _not_in(request, _("The provider did not ask you anew. Sign out there, and try again."))
    enter(request, user)
    confirmed_at(request, shown_at)
    return redirect(wanted)


def _not_in(request: HttpRequest, why: str) -> HttpResponse:
    return render(request, "accounts/not_in.html", {"why": why}, status=403)


class ProviderForm(VerbForm):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=64, help_text=gettext_lazy("What the button at the sign-in page says.")
    )
    issuer = forms.CharField(
        label=gettext_lazy("Issuer"), max_length=500, help_text="https://id.example.org/realms/main"
    )
    client_id = forms.CharField(label=gettext_lazy("Client id"), max_length=255)
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        widget=forms.PasswordInput({"autocomplete": "off"}),
        required=False,
        strip=False,
        help_text=gettext_lazy("Never shown again. Left empty, it stays as it is."),
    )
    name_claim = forms.CharField(
        label=gettext_lazy("Claim of the name"),
        max_length=64,
        initial="preferred_username",
        help_text="preferred_username",
    )
    groups_claim = forms.CharField(
        label=gettext_lazy("Claim of groups"), max_length=64, initial="groups", help_text="groups"
    )

    def fill(self, row: Provider) -> dict[str, object]:
        return {name: value for name, value in super().fill(row).items() if name != "client_secret"}


PAGE = OutsidePage(
    "provider", ProviderForm, Provider.current, set_provider, drop_provider, try_out, away=ProviderFailed
)


@require_http_methods(["GET", "POST"])
def provider(request: PageRequest) -> HttpResponse:
    return settings_page(request, PAGE, lambda: {"back": request.build_absolute_uri(reverse("login.back"))})
