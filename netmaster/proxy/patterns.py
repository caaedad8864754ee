"""What is under /api/v1/ where people sign in."""

from __future__ import annotations

from django.urls import re_path

from netmaster.proxy import entry, grants, guard, ldap, people
from netmaster.proxy.answers import nothing

urlpatterns = [
    re_path(r"^auth_proxy/login/\Z", entry.login),
    re_path(r"^auth_proxy/version/\Z", entry.version),
    re_path(r"^auth_proxy/health/\Z", entry.health),
    re_path(r"^auth_proxy/local_users/\Z", people.users),
    re_path(r"^auth_proxy/local_users/(?P<name>[^/\x00]+)/\Z", people.user),
    re_path(r"^auth_proxy/ldap_configuration/\Z", ldap.configuration),
    re_path(r"^auth_proxy/authorizations/\Z", grants.authorizations),
    re_path(r"^auth_proxy/authorizations/(?P<number>[^/\x00]+)/\Z", grants.authorization),
    re_path(r"^inspect/endpoints/(?P<key>[^/\x00]+)/\Z", guard.inspect_endpoint),
    re_path(r"^inspect/(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z", guard.inspect),
    re_path(r"^(?!inspect/|auth_proxy/)(?P<collection>[^/\x00]+)/\Z", guard.collection),
    re_path(r"^(?!inspect/|auth_proxy/)(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z", guard.one),
    re_path(r"", nothing),
]
