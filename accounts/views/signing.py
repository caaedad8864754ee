"""Signing in and out, showing the password again, choosing a new one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from accounts.actions.factors import has_factor
from accounts.actions.passwords import change_password
from accounts.confirming import confirm
from accounts.entering import enter
from accounts.forms import ConfirmForm, PasswordForm, SignInForm
from accounts.gate import done
from accounts.models import FromProvider, Provider
from accounts.sessions import MUST
from accounts.views.factors import hold
from contivui.web.problem import Problem
from contivui.web.request import PageRequest
from tenants.invitation_pages import JOINED


class SignIn(auth.LoginView):
    """The login page. A right password opens a session, or the question for a second factor."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        """Who has just made an account is told so, once, and need not type her name again."""
        joined = self.request.session.pop(JOINED, "") if self.request.method == "GET" else ""
        return super().get_context_data(**given, provider=Provider.current(), joined=joined)

    def form_valid(self, form: Any) -> HttpResponse:
        user, wanted = form.get_user(), self.get_success_url()
        if has_factor(user):
            hold(self.request, user, wanted)
            return redirect("login.factor")
        enter(self.request, user)
        return redirect(wanted)

    def form_invalid(self, form: Any) -> HttpResponse:
        answer = super().form_invalid(form)
        if form.wait is not None:
            answer.status_code = 429
            answer["Retry-After"] = str(form.wait.seconds)
        return answer


def wanted_page(request: HttpRequest) -> str:
    """Where the address wants to go afterwards: a page of this site, else the first one."""
    said = request.POST.get("next", request.GET.get("next", ""))
    if url_has_allowed_host_and_scheme(said, {request.get_host()}, require_https=request.is_secure()):
        return said
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def show_again(request: PageRequest) -> HttpResponse:
    """Ask for the password before something that is worth it, then go on to it."""
    form = ConfirmForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        confirm(request)
        return redirect(wanted_page(request))
    hers = FromProvider.objects.filter(user=request.user).exists()
    context = {"form": form, "next": wanted_page(request), "provider": Provider.current() if hers else None}
    return render(request, "accounts/confirm.html", context, status=422 if form.errors else 200)


def own_password(request: PageRequest) -> HttpResponse:
    """Choose a new password. Every other session of hers ends."""
    form = PasswordForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _change(request, form.cleaned_data["password"], form.cleaned_data["end_tokens"])
        except ValidationError as error:
            for name, errors in error.update_error_dict({}).items():
                form.add_error(None if name == NON_FIELD_ERRORS else name, errors)
        except Problem as problem:
            form.add_error(None, problem.message)
        else:
            messages.success(request, _("Your password is changed. You are signed out everywhere else."))
            return redirect("account")
    context = {"form": form, "forced": "password" in request.session.get(MUST, ())}
    return render(request, "accounts/password.html", context, status=422 if form.errors else 200)


def _change(request: PageRequest, password: str, tokens: bool) -> None:
    keep = request.session.session_key
    user = change_password(actor=request.person.actor, user=request.user, password=password, keep=keep, tokens=tokens)
    update_session_auth_hash(request, user)
    confirm(request)
    done(request, "password")
