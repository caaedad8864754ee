"""The pages of second factors: the question at sign-in, and a person's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import factors
from accounts.entering import enter
from accounts.factors import codes, passkeys
from accounts.factors.asking import asked_again
from accounts.forms import patience_says
from accounts.gate import done
from accounts.models import Authenticator, Passkey, RecoveryCode
from accounts.patience import Wait, factor_attempt
from accounts.sealed import seal, unseal
from contivui.web.forms import dress
from contivui.web.request import PageRequest

#: Where a session keeps who showed her password and is to show a second factor, and how long it waits for it.
PENDING, PATIENCE = "pending", timedelta(minutes=5)
#: Where it keeps the secret of an app that is being set up, sealed.
NEW_SECRET = "secret_of_new_app"  # noqa: S105 - the name of a place


class CodeForm(forms.Form):
    """A typed code, or what a security key answered."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Six digits of your app, or one of your recovery codes."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none"}),
    )
    answer = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        dress(self.fields["code"].widget)


class AppForm(forms.Form):
    """The first code of a new app."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=10,
        help_text=gettext_lazy("The six digits the app shows now."),
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        dress(self.fields["code"].widget)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=64, help_text=gettext_lazy("What you call it, for example blue key.")
    )
    answer = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        dress(self.fields["name"].widget)


def hold(request: HttpRequest, user: User, wanted: str) -> None:
    """Keep who has shown her password until she shows the rest. Nobody is signed in by this."""
    request.session.flush()
    shown = {"at": timezone.now().isoformat(), "password": user.get_session_auth_hash()}
    request.session[PENDING] = {**shown, "user": user.pk, "next": wanted, "backend": getattr(user, "backend", "")}


def _held(request: HttpRequest) -> tuple[User, str] | None:
    held = request.session.get(PENDING)
    if held is None or timezone.now() - datetime.fromisoformat(held["at"]) > PATIENCE:
        return None
    user = User.objects.filter(pk=held["user"], is_active=True).first()
    if user is None or not constant_time_compare(held["password"], user.get_session_auth_hash()):
        return None
    user.backend = held["backend"]
    return user, held["next"]


@login_not_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The second question at sign-in."""
    held = _held(request)
    if held is None:
        return redirect("login")
    user, wanted = held
    form, status = CodeForm(request.POST or None), 200
    if request.method == "POST" and form.is_valid():
        try:
            if _right(request, user, form.cleaned_data):
                request.session.pop(PENDING)
                enter(request, user)
                return redirect(wanted)
            form.add_error("code", ValidationError(_("This is not right, or was used already."), code="wrong"))
        except Wait as wait:
            form.add_error("code", patience_says(wait))
            status = 429
    context = {"form": form, "options": passkeys.ask_for_known(request, user)}
    return render(request, "accounts/factor.html", context, status=status)


def _right(request: HttpRequest, user: User, said: dict[str, Any]) -> bool:
    attempt = factor_attempt(user, request.META.get("REMOTE_ADDR") or None)
    with transaction.atomic():
        right = passkeys.take(request, user, said["answer"]) if said["answer"] else codes.take(user, said["code"])
    if right:
        attempt.right(user)
    else:
        attempt.wrong()
    return right


@require_safe
def own(request: PageRequest) -> HttpResponse:
    """What she has."""
    user = request.user
    context = {
        "app": Authenticator.objects.filter(user=user).first(),
        "keys": Passkey.objects.filter(user=user),
        "codes_left": RecoveryCode.objects.filter(user=user).count(),
        "required": factors.needs_factor(user),
    }
    return render(request, "accounts/factors.html", context)


@require_http_methods(["GET", "POST"])
def add_app(request: PageRequest) -> HttpResponse:
    """Show the secret of a new app until its first code is right."""
    form = AppForm(request.POST or None)
    posted, known = request.method == "POST", NEW_SECRET in request.session
    secret = unseal(asked_again(request.session, NEW_SECRET, lambda: seal(codes.new_secret()), answering=posted))
    if posted and known and form.is_valid():
        give: dict[str, Any] = {"actor": request.person.actor, "user": request.user}
        try:
            made = factors.add_authenticator(**give, secret=secret, code=form.cleaned_data["code"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            del request.session[NEW_SECRET]
            return _added(request, made)
    context = {"form": form, "secret": secret, "qr": codes.qr(secret, request.user.get_username())}
    return _unkept(render(request, "accounts/add_app.html", context, status=422 if form.errors else 200))


@require_http_methods(["GET", "POST"])
def add_key(request: PageRequest) -> HttpResponse:
    """Name a security key and let the browser ask for it."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            fields = passkeys.read_new(request, form.cleaned_data["answer"])
            give: dict[str, Any] = {"actor": request.person.actor, "user": request.user}
            return _added(request, factors.add_passkey(**give, name=form.cleaned_data["name"], fields=fields))
        except passkeys.NotGood:
            form.add_error(None, _("No security key has answered. Try again, and touch it when it blinks."))
        except ValidationError as error:
            form.add_error(None, error)
    context = {"form": form, "options": passkeys.ask_for_new(request, request.user)}
    return render(request, "accounts/add_key.html", context, status=422 if form.errors else 200)


def _added(request: PageRequest, made: list[str]) -> HttpResponse:
    done(request, "factor")
    messages.success(request, _("From now on you are asked for it when you sign in."))
    return _shown_once(request, made) if made else redirect("factors")


@require_POST
def new_codes(request: PageRequest) -> HttpResponse:
    if not factors.has_factor(request.user):
        raise Http404
    return _shown_once(request, factors.renew_codes(actor=request.person.actor, user=request.user))


def _shown_once(request: PageRequest, made: list[str]) -> HttpResponse:
    return _unkept(render(request, "accounts/codes.html", {"codes": made}))


def _unkept(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def remove(request: PageRequest) -> HttpResponse:
    """Remove a security key (`key`), or the app."""
    key = request.POST.get("key", "app")
    user = request.user
    row: Authenticator | Passkey | None = None
    if key == "app":
        row = Authenticator.objects.filter(user=user).first()
    elif key.isascii() and key.isdigit() and len(key) < 18:
        row = Passkey.objects.filter(user=user, pk=int(key)).first()
    if row is None:
        raise Http404
    factors.remove_factor(actor=request.person.actor, row=row)
    messages.success(request, _("It opens nothing any more."))
    return redirect("factors")
