from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import path

from accounts.views import directory, factors, own, provider, rules, signing

urlpatterns = [
    path("login/", signing.SignIn.as_view(), name="login"),
    path("login/provider/", provider.start, name="login.provider"),
    path("login/provider/back/", provider.back, name="login.back"),
    path("login/factor/", factors.ask, name="login.factor"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", signing.own_password, name="password_change"),
    path("account/", own.account, name="account"),
    path("account/confirm/", signing.show_again, name="confirm"),
    path("account/sessions/end/", own.end, name="account.sessions"),
    path("account/factors/", factors.own, name="factors"),
    path("account/factors/app/", factors.add_app, name="factors.app"),
    path("account/factors/key/", factors.add_key, name="factors.key"),
    path("account/factors/codes/", factors.new_codes, name="factors.codes"),
    path("account/factors/remove/", factors.remove, name="factors.remove"),
    path("sign-in/", rules.sign_in, name="sign_in"),
    path("sign-in/provider/", provider.provider, name="sign_in.provider"),
    path("sign-in/directory/", directory.directory, name="sign_in.directory"),
    path("sign-in/directory/group/", directory.grant, name="sign_in.grant"),
    path("sign-in/directory/withdraw/", directory.withdraw, name="sign_in.withdraw"),
    path("sign-in/reset/", rules.reset, name="sign_in.reset"),
]
