from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from accounts.views import own, signing

urlpatterns = [
    path("login/", signing.SignIn.as_view(), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", signing.own_password, name="password_change"),
    path("account/", own.account, name="account"),
    path("account/confirm/", signing.show_again, name="confirm"),
    path("account/sessions/end/", own.end, name="account.sessions"),
]
