"""The pages about the reader herself: signing in and out, password, language."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path, reverse_lazy
from django.views.i18n import set_language

from contivui.web.documentation import api

urlpatterns = [
    path("api/", api, name="api"),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path(
        "password/",
        auth.PasswordChangeView.as_view(success_url=reverse_lazy("overview")),
        name="password_change",
    ),
    path("language/", login_not_required(set_language), name="set_language"),
]
