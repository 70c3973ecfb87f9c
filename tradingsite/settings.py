"""Settings of every process, read from the environment; `.env.example` documents them."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from tradingsite import environment as read
from tradingsite.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
if (BASE_DIR / ".env").is_file():
    read.env.read_env(BASE_DIR / ".env")

# --- Where this installation keeps its files, and where its servers are -----------------------------------------

LOCAL_DIR = Path(os.environ.get("LOCAL_DIR", "").strip() or BASE_DIR / ".local").resolve()
SERVERS = read.read_servers_file(LOCAL_DIR)

# Commands that need no database (--help, check, type checking) load the settings without one.
NO_DATABASE_URL = "postgres://nobody@run-make-run-or-set-DATABASE_URL.invalid/tradingsite"
NO_REDIS_URL = "redis://run-make-run-or-set-REDIS_URL.invalid:6379/0"
POSTGRES_SCHEMES = ("postgres", "postgresql")
DATABASE_URL = read.url("DATABASE_URL", SERVERS.get("database_url", NO_DATABASE_URL), schemes=POSTGRES_SCHEMES)
REDIS_URL = read.url("REDIS_URL", SERVERS.get("redis_url", NO_REDIS_URL), schemes=("redis", "rediss"))
SIMULATOR_URL = read.url(
    "SIMULATOR_URL", SERVERS.get("simulator_url", "http://127.0.0.1:8900"), schemes=("http", "https")
)

# --- The site ---------------------------------------------------------------------------------------------------

DEBUG = read.switch("DEBUG", default=False)
SECRET_KEY = read.secret_key(LOCAL_DIR)
HOST = os.environ.get("HOST", "").strip() or "127.0.0.1"
PORT = read.integer("PORT", 8000, low=1, high=65535)
SITE_URL = read.url("SITE_URL", f"http://localhost:{PORT}", schemes=("http", "https"))
SITE_IS_HTTPS = SITE_URL.startswith("https://")
SITE_HOST = urlsplit(SITE_URL).hostname or "localhost"
ALLOWED_HOSTS = read.words("ALLOWED_HOSTS", sorted({SITE_HOST, HOST, "localhost", "127.0.0.1", "[::1]"}))
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "daphne",
    "channels",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "axes",
    "csp",
    "django_celery_beat",
    "marketdata",
    "quant",
    "bots",
    "tradingsite",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tradingsite.urls"
ASGI_APPLICATION = "tradingsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the admin's own, which has the same names.
        "DIRS": [BASE_DIR / "bots" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Data -------------------------------------------------------------------------------------------------------

DATABASE_POOL_MAX = read.integer("DATABASE_POOL_MAX", 0, low=0, high=200)
DATABASE_STATEMENT_TIMEOUT_S = read.integer("DATABASE_STATEMENT_TIMEOUT_S", 30, low=0, high=86_400)
DATABASE_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": os.environ.get("PROCESS_NAME", "tradingsite"),
    "options": f"-c statement_timeout={DATABASE_STATEMENT_TIMEOUT_S * 1000} -c lock_timeout=10000 "
    "-c idle_in_transaction_session_timeout=60000",
}
if DATABASE_POOL_MAX:
    DATABASE_OPTIONS["pool"] = {"min_size": 1, "max_size": DATABASE_POOL_MAX, "timeout": 10}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **read.env.db_url_config(DATABASE_URL),
        "OPTIONS": DATABASE_OPTIONS,
        # Under ASGI every request may meet a new thread, and a kept connection would be left behind: the web uses the pool.
        "CONN_MAX_AGE": 0,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "tradingsite.cache.SharedRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tradingsite",
        # The client's own retries take several seconds, and a page would wait for them.
        "OPTIONS": {
            "socket_connect_timeout": 5,
            "socket_timeout": 5,
            "retry": Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
        },
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "marketdata.channel_layer.BulkChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "tradingsite"},
    }
}

# --- Background work --------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message not acknowledged for this long is delivered again: longer than the longest job.
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "celery:", "visibility_timeout": 6 * 3600}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "jobs"
# What must never wait behind a long job has a queue and a worker of its own.
CELERY_TASK_ROUTES = {name: {"queue": "monitor"} for name in ("bots.monitor_positions", "bots.compute_performance")}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

# --- People -----------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "bots.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
# Name and address together: guessing someone's password locks out the guesser, not the owner.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

# --- REST -------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "bots.api.scopes.ScopedTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["bots.api.parsers.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "bots.api.errors.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tradingsite",
    "DESCRIPTION": "Bots, signals, orders and positions over REST.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ActionEnum": "bots.api.fields.ACTIONS",
        "VoteActionEnum": "bots.api.fields.VOTE_ACTIONS",
        "BotStateEnum": "bots.models.choices.BotState.choices",
        "ModelStatusEnum": "quant.models.ModelStatus.choices",
        "EvidenceVerdictEnum": "quant.models.EvidenceVerdict.choices",
        "OrderStateEnum": "bots.api.fields.ORDER_STATES",
        "StatusEnum": "bots.api.fields.ORDER_STATUSES",
        "VerdictEnum": "bots.api.fields.VERDICTS",
    },
}

# --- What browsers may do ---------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "tradingsite.error_reports.HidingFilter"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if SITE_IS_HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

# --- Files for browsers -----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", "").strip() or LOCAL_DIR / "static")
CHART_DIR = BASE_DIR / "node_modules" / "lightweight-charts" / "dist"
STATICFILES_DIRS = [("vendor", str(CHART_DIR))] if CHART_DIR.is_dir() else []
STATIC_HASHED = read.switch("STATIC_HASHED", default=not DEBUG)
WHITENOISE_USE_FINDERS = not STATIC_HASHED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "tradingsite.static_files.HashedStaticFiles"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Language and time ------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
USE_I18N = False
FORMAT_MODULE_PATH = "bots.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# --- Logs -------------------------------------------------------------------------------------------------------

LOG_LEVEL = read.choice("LOG_LEVEL", "INFO", allowed=read.LOG_LEVELS)
LOG_FILES = read.switch("LOG_FILES", default=True)
LOGGING = logging_config(level=LOG_LEVEL, folder=LOCAL_DIR / "logs" if LOG_FILES else None)

# --- Being watched ----------------------------------------------------------------------------------------------

# Where a feed process serves /livez, /readyz and /metrics; empty: nowhere.
FEED_HTTP = os.environ.get("FEED_HTTP", "").strip()
# Where `runfeed` keeps raw frames when it streams everything; empty: nowhere.
RECORD_DIR = os.environ.get("RECORD_DIR", "").strip()
# Who may read /metrics of the site from another machine; empty: nobody.
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "").strip()
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    raise ImproperlyConfigured("METRICS_TOKEN is too short: allowed are 16 characters or more.")

# --- Trading ----------------------------------------------------------------------------------------------------

TRADITIONAL_SIGNAL_WEIGHT = read.number("TRADITIONAL_SIGNAL_WEIGHT", 0.5, low=0, high=1)
QUANT_SIGNAL_WEIGHT = read.number("QUANT_SIGNAL_WEIGHT", 0.5, low=0, high=1)
if TRADITIONAL_SIGNAL_WEIGHT + QUANT_SIGNAL_WEIGHT == 0:
    raise ImproperlyConfigured("TRADITIONAL_SIGNAL_WEIGHT and QUANT_SIGNAL_WEIGHT are both 0: one must be above 0.")
USE_WEBSOCKET = read.switch("USE_WEBSOCKET", default=True)
WEBSOCKET_MOCK_MODE = read.switch("WEBSOCKET_MOCK_MODE", default=True)
# What the feed keeps as Parquet for backtests; the names are those of marketdata.store.layout.KINDS.
EVENT_STORE_KINDS = read.choices("EVENT_STORE_KINDS", "bar", allowed=("bar", "trade", "quote", "book"))
EVENT_STORE_DIR = Path(os.environ.get("EVENT_STORE_DIR", "").strip() or LOCAL_DIR / "events").resolve()
# A quant server to ask, and model and policy servers that vote; empty: none. PYTHON_API_URL is another name of the first.
# Whom orders of sandbox and live accounts go to instead of the exchanges (docs/broker-api.md).
BROKER_API_URL = read.url("BROKER_API_URL", "", schemes=("http", "https"))

QUANT_URL = read.url("QUANT_URL", os.environ.get("PYTHON_API_URL", "").strip(), schemes=("http", "https"))
QUANT_TOKEN = os.environ.get("QUANT_TOKEN", "").strip()
QUANT_TIMEOUT_MS = read.integer("QUANT_TIMEOUT_MS", 2000, low=10, high=60_000)
QUANT_RETRY_COUNT = read.integer("QUANT_RETRY_COUNT", 3, low=1, high=10)
QUANT_REQUESTS_PER_MINUTE = read.integer("QUANT_REQUESTS_PER_MINUTE", 600, low=1, high=1_000_000)
ML_SERVICE_URL = read.url("ML_SERVICE_URL", "", schemes=("http", "https"))
RL_SERVICE_URL = read.url("RL_SERVICE_URL", "", schemes=("http", "https"))
SIGNAL_RETENTION_DAYS = read.integer("SIGNAL_RETENTION_DAYS", 30, low=1, high=3650)
OBSERVATION_RETENTION_DAYS = read.integer("OBSERVATION_RETENTION_DAYS", 400, low=0, high=36500)
SAMPLE_RETENTION_DAYS = read.integer("SAMPLE_RETENTION_DAYS", 90, low=1, high=3650)
EVIDENCE_WINDOW_DAYS = read.integer("EVIDENCE_WINDOW_DAYS", 30, low=1, high=365)
LEASE_TTL_S = read.number("LEASE_TTL_S", 15, low=1, high=300)
LEASE_RENEW_S = read.number("LEASE_RENEW_S", 3, low=0.1, high=100)
if LEASE_RENEW_S * 2 > LEASE_TTL_S:
    raise ImproperlyConfigured(
        f"LEASE_RENEW_S={LEASE_RENEW_S:g} with LEASE_TTL_S={LEASE_TTL_S:g}: "
        "allowed is at most half of LEASE_TTL_S, so that one late renewal does not lose the lease."
    )
# Whether somebody else's orders and trades on an account at a real venue pause its entries.
PAUSE_ON_EXTERNAL = read.switch("PAUSE_ON_EXTERNAL", default=True)
# Keys that seal the credentials of accounts, the one that seals first; none: a file in LOCAL_DIR.
ACCOUNT_KEYS = read.words("ACCOUNT_KEYS", [])
# What a strategy must have done on paper before it may trade real money.
PREFLIGHT_PAPER_TRADES = read.integer("PREFLIGHT_PAPER_TRADES", 30, low=0, high=100_000)
PREFLIGHT_PAPER_DAYS = read.number("PREFLIGHT_PAPER_DAYS", 7, low=0, high=3650)
EVENT_STREAM_MAXLEN = read.integer("EVENT_STREAM_MAXLEN", 10_000, low=100, high=10_000_000)
# Streams in Redis for other programs; an empty name: none.
ORDER_STREAM = os.environ.get("ORDER_STREAM", "integration:orders").strip()
ORDER_STREAM_MAXLEN = read.integer("ORDER_STREAM_MAXLEN", 10_000, low=100, high=10_000_000)
SIGNAL_STREAM = os.environ.get("SIGNAL_STREAM", "integration:signals").strip()
SIGNAL_STREAM_MAXLEN = read.integer("SIGNAL_STREAM_MAXLEN", 10_000, low=100, high=10_000_000)
if ORDER_STREAM and ORDER_STREAM == SIGNAL_STREAM:
    raise ImproperlyConfigured("ORDER_STREAM and SIGNAL_STREAM are the same: give each a name of its own.")
ENGINE_ID = os.environ.get("ENGINE_ID", "").strip()
