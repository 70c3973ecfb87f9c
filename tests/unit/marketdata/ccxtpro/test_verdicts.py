import ccxt
import pytest

from marketdata.ccxtpro.verdicts import Verdict, failure_kind, judge


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ccxt.BadSymbol, Verdict.REFUSED),
        (ccxt.AuthenticationError, Verdict.DENIED),
        (ccxt.PermissionDenied, Verdict.DENIED),
        (ccxt.AccountSuspended, Verdict.DENIED),
        (ccxt.RestrictedLocation, Verdict.DENIED),
        (ccxt.NotSupported, Verdict.UNSUPPORTED),
        (ccxt.ChecksumError, Verdict.GAP),
        (ccxt.InvalidNonce, Verdict.GAP),
        (ccxt.OnMaintenance, Verdict.WAIT),
        (ccxt.RateLimitExceeded, Verdict.WAIT),
        (ccxt.DDoSProtection, Verdict.WAIT),
        (ccxt.ExchangeNotAvailable, Verdict.RETRY),
        (ccxt.RequestTimeout, Verdict.RETRY),
        (ccxt.NetworkError, Verdict.RETRY),
        (ccxt.BadRequest, Verdict.REJECTED),
        (ccxt.ArgumentsRequired, Verdict.REJECTED),
        (ccxt.ExchangeError, Verdict.REJECTED),
        (KeyError, Verdict.GAP),
        (AttributeError, Verdict.GAP),
    ],
)
def test_each_error_has_its_verdict(error: type[Exception], verdict: Verdict) -> None:
    assert judge(error("what the venue said")).verdict is verdict


def test_every_error_of_ccxt_is_judged() -> None:
    classes = [item for item in vars(ccxt).values() if isinstance(item, type) and issubclass(item, ccxt.BaseError)]
    assert len(classes) > 30
    for kind in classes:
        assert judge(kind("x")).note != "rejected" or kind is ccxt.BaseError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.BadSymbol, "unknown_symbol"),
        (ccxt.PermissionDenied, "not_allowed"),
        (ccxt.RateLimitExceeded, "rate_limited"),
        (ccxt.OnMaintenance, "unavailable"),
        (ccxt.NetworkError, "unavailable"),
        (ccxt.BadRequest, "rejected"),
        (KeyError, "unavailable"),
    ],
)
def test_failed_requests_are_named(error: type[Exception], kind: str) -> None:
    assert failure_kind(error("x"))[0] == kind
