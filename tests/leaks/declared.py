"""Every way into the product, and whom it is for. What is in the code and not in here fails the build.

A line says what decides: nothing (PUBLIC), that somebody has signed in (ANYONE: she is shown what is hers), a role in
the tenant the object belongs to, or a role in the cluster. `tests.leaks.expected` says what becomes of whom by it.
"""

from __future__ import annotations

PUBLIC, ANYONE = "public", "anyone"
#: Somebody's own account: there is no way to name another's, and a token cut to a tenant is refused.
HERSELF = "herself"
#: Of a tenant: viewers see it, editors change it.
TENANT = "tenant"
#: Of a tenant: viewers see it, owners change it.
OWNED = "owned by a tenant"
#: A tenant itself: viewers see it, owners change it, administrators make and end it.
TENANTS = "a tenant"
#: Of a tenant, seen by its members and set by administrators.
QUOTA = "quota of a tenant"
#: Of a tenant, its owners' business: tokens and invitations.
TOKENS = "tokens of a tenant"
#: Of the cluster: operators see and change it.
OPERATED = "operated"
#: Of the cluster: auditors see it, administrators change it.
ADMINISTERED = "administered"
#: A node's agent, by its certificate: it reads its own spec, and reports of what is in it.
NODE = "node"
#: The same, and any tenant it names: whatever runs containers on a node says whose they are.
PLACING = "placing"
#: Nothing from outside comes in there: it takes keys of rows and looks at the database.
INSIDE = "inside"
#: Whoever has a shell on the server and its data folder has everything already.
SHELL = "shell"

#: Kinds of API v2, for what all kinds have: list, make, read, change, delete, bulk, realization.
KINDS = {
    "users": ADMINISTERED,
    "group-grants": ADMINISTERED,
    "tenants": TENANTS,
    "members": OWNED,
    "invitations": TOKENS,
    "audit": TENANT,
    "networks": TENANT,
    "reservations": TENANT,
    "groups": TENANT,
    "endpoints": TENANT,
    "nodes": OPERATED,
    "join-tokens": OPERATED,
    "node-certificates": OPERATED,
    "knocks": OPERATED,
    "policies": TENANT,
    "rules": TENANT,
    "profiles": TENANT,
    "services": TENANT,
    "app-profiles": TENANT,
    "contract-groups": TENANT,
    "bgp-peers": OPERATED,
    "aci-gateways": OPERATED,
    "drift": TENANT,
    "denied": TENANT,
    "rule-hits": TENANT,
    "traffic": TENANT,
    "drops": TENANT,
}
#: What else API v2 has.
OPERATIONS = {
    "GET me/": ANYONE,
    "GET me/sessions/": HERSELF,
    "DELETE me/sessions/": HERSELF,
    "DELETE me/sessions/{session}/": HERSELF,
    "POST me/password/": HERSELF,
    "POST me/confirm/": HERSELF,
    "GET me/factors/": HERSELF,
    "POST me/factors/authenticator/": HERSELF,
    "DELETE me/factors/authenticator/": HERSELF,
    "POST me/factors/authenticator/confirm/": HERSELF,
    "POST me/factors/recovery-codes/": HERSELF,
    "DELETE me/factors/passkeys/{passkey}/": HERSELF,
    "GET users/{id}/factors/": ADMINISTERED,
    "POST users/{id}/factors/reset/": ADMINISTERED,
    "GET sign-in/": ADMINISTERED,
    "PATCH sign-in/": ADMINISTERED,
    "GET sign-in/directory/": ADMINISTERED,
    "PUT sign-in/directory/": ADMINISTERED,
    "PATCH sign-in/directory/": ADMINISTERED,
    "DELETE sign-in/directory/": ADMINISTERED,
    "POST sign-in/directory/test/": ADMINISTERED,
    "GET sign-in/provider/": ADMINISTERED,
    "PUT sign-in/provider/": ADMINISTERED,
    "PATCH sign-in/provider/": ADMINISTERED,
    "DELETE sign-in/provider/": ADMINISTERED,
    "POST sign-in/provider/test/": ADMINISTERED,
    "GET fabric/": OPERATED,
    "PATCH fabric/": OPERATED,
    "POST explain/": ANYONE,  # It reads.
    "GET search/": ANYONE,
    "GET events/": ANYONE,
    "GET events/stream/": ANYONE,
    "GET openapi.json": PUBLIC,
    "GET tokens/": ANYONE,
    "POST tokens/": ANYONE,
    "DELETE tokens/{token_key}/": TOKENS,
    "GET tenants/{pk}/quota/": TENANTS,
    "PATCH tenants/{pk}/quota/": QUOTA,
    "GET networks/{pk}/addresses/": TENANT,
    "POST nodes/{pk}/token/": OPERATED,
    "POST nodes/{pk}/revoke/": OPERATED,
    "POST audit/{id}/undo/": TENANT,  # And what was done takes the rights for it (tenants.undo).
    "GET nodes/{pk}/status/": OPERATED,
    "PUT policies/{pk}/rules/": TENANT,
}
#: Kinds of pages, for what all kinds have: list, detail, create, edit, delete.
SCREENS = {
    "user": ADMINISTERED,
    "tenant": TENANTS,
    "member": OWNED,
    "network": TENANT,
    "reservation": TENANT,
    "group": TENANT,
    "endpoint": TENANT,
    "node": OPERATED,
    "policy": TENANT,
    "profile": TENANT,
    "service": TENANT,
    "app": TENANT,
    "contract": TENANT,
    "bgp": OPERATED,
    "aci": OPERATED,
}
#: What other pages there are, by the name of the route.
PAGES = {
    "login": PUBLIC,
    "set_language": PUBLIC,
    "healthz": PUBLIC,
    "logout": ANYONE,
    "login.factor": PUBLIC,  # For who has shown a password.
    "login.provider": PUBLIC,
    "login.back": PUBLIC,
    "password_change": ANYONE,
    "account": ANYONE,
    "account.sessions": ANYONE,
    "confirm": ANYONE,
    "factors": ANYONE,
    "factors.app": ANYONE,
    "factors.key": ANYONE,
    "factors.codes": ANYONE,
    "factors.remove": ANYONE,
    "sign_in": ADMINISTERED,
    "sign_in.reset": ADMINISTERED,
    "sign_in.directory": ADMINISTERED,
    "sign_in.grant": ADMINISTERED,
    "sign_in.withdraw": ADMINISTERED,
    "sign_in.provider": ADMINISTERED,
    "api": ANYONE,
    "tokens": ANYONE,
    "overview": ANYONE,
    "plot.throughput": ANYONE,
    "plot.denied": ANYONE,
    "search": ANYONE,
    "activity": ANYONE,
    "explain": ANYONE,
    "tenant.choose": ANYONE,
    "fabric": OPERATED,
    "node.token": OPERATED,
    "node.revoke": OPERATED,
    "joining": OPERATED,
    "undo": TENANT,
    "policy.rules": TENANT,
    "tenant.quota": QUOTA,
    "tenant.invite": OWNED,
    "invitation.withdraw": TOKENS,
    "invitation": PUBLIC,  # For who has the link.
}
#: The Contiv dialect under /api/v1/, by pattern: what it is for there is said in netmaster.proxy.
DIALECT = {
    r"^auth_proxy/login/\Z": PUBLIC,
    r"^auth_proxy/version/\Z": PUBLIC,
    r"^auth_proxy/health/\Z": PUBLIC,
    r"^auth_proxy/local_users/\Z": ADMINISTERED,
    r"^auth_proxy/local_users/(?P<name>[^/\x00]+)/\Z": ADMINISTERED,
    r"^auth_proxy/ldap_configuration/\Z": ADMINISTERED,
    r"^auth_proxy/authorizations/\Z": ADMINISTERED,
    r"^auth_proxy/authorizations/(?P<number>[^/\x00]+)/\Z": ADMINISTERED,
    r"^inspect/endpoints/(?P<key>[^/\x00]+)/\Z": TENANT,
    r"^inspect/(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z": TENANT,
    r"^(?!inspect/|auth_proxy/)(?P<collection>[^/\x00]+)/\Z": TENANT,
    r"^(?!inspect/|auth_proxy/)(?P<collection>[^/\x00]+)/(?P<key>[^/\x00]+)/\Z": TENANT,
    "": PUBLIC,
}
#: Its collections.
COLLECTIONS = {
    "aciGws": OPERATED,
    "appProfiles": TENANT,
    "Bgps": OPERATED,
    "endpointGroups": TENANT,
    "extContractsGroups": TENANT,
    "globals": OPERATED,
    "netprofiles": TENANT,
    "networks": TENANT,
    "policys": TENANT,
    "rules": TENANT,
    "serviceLBs": TENANT,
    "tenants": TENANTS,
    "volumeProfiles": ADMINISTERED,
    "volumes": ADMINISTERED,
}
#: Operations whose answers have no end.
STREAMS = ("GET events/stream/",)
#: At the port of agents, where a client's certificate says which node it is. Joining takes a token that opens once.
OF_AGENTS = {"join/authority.pem": PUBLIC, "join/": NODE, "": PUBLIC, "ws/agent/": NODE}
#: Websockets at both ports.
SOCKETS = {"ws/live/": ANYONE, "ws/events/": ANYONE, "ws/agent/": NODE}
#: What they listen to, by type. ws/events/ listens to nothing.
MESSAGES = {
    "ws/live/": {"subscribe": ANYONE},
    "ws/events/": {},
    "ws/agent/": {
        **dict.fromkeys(("hello", "ack", "nack", "report", "denied", "drift", "detach", "renew"), NODE),
        "attach": PLACING,
    },
}
#: What a page hears of, by how the topic begins.
TOPICS = {"tenant": TENANT, "node": OPERATED, "cluster": OPERATED}
#: What arrives at a consumer from inside.
INSIDE_HANDLERS = ("spec_changed", "node_recheck", "node_replaced", "live_event", "send_specs", "send_step")
INSIDE_MESSAGES = dict.fromkeys(INSIDE_HANDLERS, INSIDE)
TASKS = dict.fromkeys(
    (
        "accounts.tasks.forget_ended",
        "netmaster.tasks.forget_lost",
        "worker.tasks.publish",
        "worker.tasks.publish_stale",
        "worker.tasks.note_silent_nodes",
        "worker.tasks.sample_traffic",
        "worker.tasks.forget_old",
    ),
    INSIDE,
)
COMMANDS = dict.fromkeys(
    ("export", "import", "import_contiv", "check_addresses", "openapi", "verify_audit", "reset_factors"), SHELL
)
