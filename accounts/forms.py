"""What is typed to sign in, to show a password again, and to choose a new one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import door
from accounts.directory import DirectoryAway
from accounts.patience import Wait
from contivui.web.forms import dress
from contivui.web.problem import Problem

AWAY = _("The directory that knows this password does not answer. Try again later, or ask an administrator.")


def patience_says(wait: Wait) -> ValidationError:
    """The sentence for who must wait, in minutes where that is the better word."""
    if wait.seconds < 90:
        words = ngettext("Try again in %(n)d second.", "Try again in %(n)d seconds.", wait.seconds)
        number = wait.seconds
    else:
        number = -(-wait.seconds // 60)
        words = ngettext("Try again in %(n)d minute.", "Try again in %(n)d minutes.", number)
    sentence = f"{_('Too many wrong answers.')} {words % {'n': number}}"
    return ValidationError(sentence, code="wait")


class SignInForm(AuthenticationForm):
    """Name and password, judged at the door. `wait` is set when nothing was listened to."""

    wait: Wait | None = None
    error_messages = {
        "invalid_login": _("This name and this password do not belong together. Both are case-sensitive."),
        "inactive": _("This account may not sign in."),
    }

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password:
            assert self.request is not None
            try:
                self.user_cache: User | None = door.check(self.request, name, password)
            except Wait as wait:
                self.wait = wait
                raise patience_says(wait) from None
            except door.Wrong:
                raise self.get_invalid_login_error() from None
            except DirectoryAway:
                raise ValidationError(AWAY, code="away") from None
            except Problem as problem:
                raise ValidationError(problem.message, code=problem.code) from None
        return self.cleaned_data


class OwnPasswordForm(forms.Form):
    """Base of what asks her for the password she has."""

    current = forms.CharField(
        label=_("Your password"), widget=forms.PasswordInput({"autocomplete": "current-password"}), strip=False
    )

    def __init__(self, request: HttpRequest, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request
        for field in self.fields.values():
            dress(field.widget)

    def clean_current(self) -> str:
        password, user = self.cleaned_data["current"], self.request.user
        try:
            found = door.check(self.request, user.get_username(), password)
        except Wait as wait:
            raise patience_says(wait) from None
        except door.Wrong:
            found = None
        except DirectoryAway:
            raise ValidationError(AWAY, code="away") from None
        except Problem as problem:
            raise ValidationError(problem.message, code=problem.code) from None
        if found != user:
            raise ValidationError(_("This is not your password."), code="wrong")
        return str(password)


class ConfirmForm(OwnPasswordForm):
    """Show the password again."""


def _new_password_help() -> str:
    return " ".join(password_validators_help_texts())


class PasswordForm(OwnPasswordForm):
    """The password she has, and the one she wants, twice. What a good one is, the verb decides."""

    password = forms.CharField(
        label=_("New password"),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        strip=False,
        help_text=lazy(_new_password_help, str)(),
    )
    again = forms.CharField(
        label=_("New password again"), widget=forms.PasswordInput({"autocomplete": "new-password"}), strip=False
    )

    end_tokens = forms.BooleanField(
        label=_("End my tokens too"),
        required=False,
        help_text=_("Programs that use one then have to be given another."),
    )

    def clean_again(self) -> str:
        again = self.cleaned_data["again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise ValidationError(_("The two differ. Type the new password twice."), code="mismatch")
        return str(again)
