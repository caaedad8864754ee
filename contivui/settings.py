"""Settings of the Django project. What a person may set comes from the environment; docs/operating.md lists it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from contivui.env import Env

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

# --- what a person sets -------------------------------------------------------------------------------------------
PORT = env.integer("PORT", 8000, first=1, last=65535)
HOST = env.text("HOST", "127.0.0.1")
DATA_DIR = env.folder("CONTIVUI_DATA", BASE_DIR / "var")
DATABASE_URL = env.url("DATABASE_URL", ("postgres", "postgresql"))
#: The embedded server listens on a socket in the data folder; REDIS_URL names another one.
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix")) or f"unix://{DATA_DIR}/redis.sock"
#: Whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "127.0.0.1")
DEBUG = env.boolean("CONTIVUI_DEBUG", False)
#: The port at which Contiv's netmaster listened is 9999; 0 is none. Open: without tokens.
NETMASTER_PORT = env.integer("NETMASTER_PORT", 0, first=0, last=65535)
NETMASTER_OPEN = env.boolean("NETMASTER_OPEN", False)
NETMASTER_MODE = env.text("NETMASTER_MODE", "test")

#: Whether people reach it under TLS, its own (TLS_CERT) or a proxy's; then cookies travel under TLS only.
BEHIND_TLS = env.boolean("BEHIND_TLS", False) or bool(env.text("TLS_CERT", ""))
#: Where agents of other machines connect; 0: only those on this machine's own socket.
AGENTS_PORT = env.integer("AGENTS_PORT", 0, first=0, last=65535)
#: How long a node's certificate lasts, hours. Agents renew theirs when two thirds of it are over.
NODE_CERTIFICATE_HOURS = env.integer("NODE_CERTIFICATE_HOURS", 168, first=1, last=24 * 365)


def own_key(name: str) -> str:
    """A key of this installation, made at first use and kept in the data folder, readable by its owner only."""
    import os
    import secrets

    path = DATA_DIR / name
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


SECRET_KEY = env.text("SECRET_KEY", "") or own_key("secret_key")
#: Binds the rows of the record to each other (tenants.chain). Not the secret key: that one may be replaced.
RECORD_KEY = env.text("RECORD_KEY", "") or own_key("record_key")
ALLOWED_HOSTS = [h.strip() for h in env.text("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")]
if HOST not in {"0.0.0.0", "::", *ALLOWED_HOSTS}:  # noqa: S104 (compared with, not bound to)
    ALLOWED_HOSTS.append(HOST)

# --- the house ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "django_filters",
    "channels",
    "csp",
    "contivui.web",
    "tenants",
    "accounts",
    "networks",
    "policies",
    "routing",
    "netmaster",
    "worker",
    "transfer",
]
MIDDLEWARE = [
    "contivui.web.trace.TraceMiddleware",
    "netmaster.port.NetmasterPort",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "tenants.people.PersonMiddleware",
    "contivui.web.errors.NotAllowedPage",
    "contivui.web.rates.RateHeaders",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.gate.Gate",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "contivui.urls"
ASGI_APPLICATION = "contivui.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "contivui.web.context.frame",
            ],
            "builtins": [
                "django.templatetags.static",
                "django.templatetags.i18n",
                "contivui.web.templatetags.ui",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]

# --- data ---------------------------------------------------------------------------------------------------------


def database() -> dict[str, object]:
    """PostgreSQL when DATABASE_URL names one, else SQLite with write-ahead log and immediate transactions
    (deferred ones fail under parallel writers instead of waiting; contivui.sqlite lets them wait in line)."""
    if not DATABASE_URL:
        return {
            "ENGINE": "contivui.sqlite",
            "NAME": DATA_DIR / "contivui.sqlite3",
            "CONN_MAX_AGE": None,
            # A file also for tests: connections to one database in memory lock each other out instead of waiting.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            },
        }
    url = urlsplit(DATABASE_URL)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.lstrip("/"),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        # One to begin with: connections are given out in turn, and each has what it was asked for in its own memory.
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 8}},
    }


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# An absent server is an answer, at once: the client's own six seconds of trying again would hold up every page.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"retry": Retry(NoBackoff(), 0), "socket_connect_timeout": 1, "socket_timeout": 5},
    },
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "retry": AsyncRetry(NoBackoff(), 0)}]},
    }
}

# --- work ---------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
#: A wake-up that cannot be delivered is dropped at once: the timer that compares generations finds the change.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1, "max_retries": 0}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "publish-what-was-lost": {"task": "worker.tasks.publish_stale", "schedule": 2.0},
    "note-silent-nodes": {"task": "worker.tasks.note_silent_nodes", "schedule": 5.0},
    "sample-traffic": {"task": "worker.tasks.sample_traffic", "schedule": 2.0},
    "forget-old-samples": {"task": "worker.tasks.forget_old", "schedule": 300.0},
    "forget-lost-wordings": {"task": "netmaster.tasks.forget_lost", "schedule": 3600.0},
    "forget-ended-sessions": {"task": "accounts.tasks.forget_ended", "schedule": 600.0},
}

# --- people -------------------------------------------------------------------------------------------------------
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "accounts.backends.DirectoryBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_ENGINE = "accounts.sessions"
#: Without use a session ends after this long; whatever it is used for, SESSION_COOKIE_AGE seconds after its sign-in.
SESSION_IDLE = timedelta(minutes=env.integer("SESSION_IDLE_MINUTES", 30, first=1, last=60 * 24 * 30))
SESSION_COOKIE_AGE = 3600 * env.integer("SESSION_HOURS", 12, first=1, last=24 * 30)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "contivui_session"
CSRF_COOKIE_NAME = "contivui_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = BEHIND_TLS
#: A year, as browsers' lists ask for; of this name and those below it. Only a response under TLS carries it.
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
#: Plain requests of a browser go to the same address under TLS; /healthz is asked by machines on this one.
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    # Whether other names under ours have TLS is not ours to say, nor whether browsers should ship with it.
    "security.W005",
    "security.W021",
]
X_FRAME_OPTIONS = "DENY"
#: Larger requests are refused before they come here (contivui.web.limits).
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
#: The largest form is a table of rules, of 13 fields each. It may have 2000 (policies.forms), and one that has up to a
#: thousand more is still read, so that its page can say what is wrong; some fields are the table's own.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000 * 13 + 100
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

#: What pages show of rows beyond their own columns, by the room that measures it (contivui.web.facts).
FACTS = {
    "realization": "worker.realization.realization_of",
    "hits": "worker.facts.hits_of",
    "traffic": "worker.facts.traffic_of",
    "quota": "tenants.quotas.limited",
    "touched": "worker.touched.touched_by",
}

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "tenants.tokens.MayChange"],
    "DEFAULT_THROTTLE_CLASSES": ["contivui.web.rates.Rate"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["contivui.web.body.Json"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "contivui.web.paging.Pages",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "rest_framework.filters.OrderingFilter",
    ],
    "EXCEPTION_HANDLER": "contivui.web.errors.as_problem",
    "PAGE_SIZE": 50,
}
#: Requests a minute that each token, and each person in her browser, may make; 0: any number.
API_RATE = env.integer("API_RATE", 6000, first=0, last=1_000_000)
KNOX_TOKEN_MODEL = "tenants.Token"  # noqa: S105 - the name of a model
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "TOKEN_PREFIX": "cvui_",
    "AUTO_REFRESH": False,
    "TOKEN_TTL": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ContivUI",
    "DESCRIPTION": "Networks, isolation and bandwidth for containers, live on every node.",
    "VERSION": "2.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "contivui.web.openapi.OnceMade",
    "SCHEMA_PATH_PREFIX": r"/api/v2/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "contivui.web.openapi.finish"],
    "ENUM_NAME_OVERRIDES": {
        "VerdictEnum": "tenants.models.Verdict",
        "RoleEnum": "tenants.models.Role",
        "GrantedRoleEnum": "accounts.models.GRANTED",
    },
}

# --- words and files ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s%(request_id)s: %(message)s"}},
    "filters": {"request": {"()": "contivui.web.trace.TraceFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "WARNING")},
    "loggers": {
        name: {"level": env.text("LOG_LEVEL", "INFO")}
        for name in ("contivui", "tenants", "accounts", "networks", "policies", "routing", "netmaster", "worker")
    },
}
