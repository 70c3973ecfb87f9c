"""Tokens for Coinbase's private channels, verified as Coinbase would."""

from base64 import b64encode

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from marketdata.exchanges.adapter import Credentials, NotAllowed
from marketdata.exchanges.coinbase.tokens import jwt_for
from marketdata.exchanges.coinbase.venue import CoinbaseAdapter

NOW_S = 1_790_000_000
NOW_NS = NOW_S * 1_000_000_000 + 999_999_999
NAME = "organizations/1111/apiKeys/2222"
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()
ALICE = Credentials(api_key=NAME, api_secret=PEM)


def claims_of(token: str) -> dict:
    # The times are looked at here, not against this machine's clock.
    options = {"verify_exp": False, "verify_nbf": False}
    return jwt.decode(token, KEY.public_key(), algorithms=["ES256"], options=options)  # type: ignore[arg-type]


def test_a_token_is_signed_with_the_key_and_good_for_two_minutes():
    token = jwt_for(ALICE, NOW_NS)
    assert claims_of(token) == {"sub": NAME, "iss": "cdp", "nbf": NOW_S, "exp": NOW_S + 120}
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == ("ES256", NAME)


def test_every_token_has_its_own_nonce():
    nonces = {jwt.get_unverified_header(jwt_for(ALICE, NOW_NS))["nonce"] for _ in range(20)}
    assert len(nonces) == 20
    assert all(len(nonce) == 32 for nonce in nonces)


def test_a_token_for_rest_names_its_request():
    uri = "GET api.coinbase.com/api/v3/brokerage/accounts"
    assert claims_of(jwt_for(ALICE, NOW_NS, uri=uri))["uri"] == uri


def test_a_key_on_one_line_is_the_same_key():
    assert claims_of(jwt_for(Credentials(api_key=NAME, api_secret=PEM.replace("\n", "\\n")), NOW_NS))["sub"] == NAME


def test_an_edwards_key_signs_too():
    key = Ed25519PrivateKey.generate()
    seed = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    token = jwt_for(Credentials(api_key="id", api_secret=b64encode(seed).decode()), NOW_NS)
    claims = jwt.decode(
        token, key.public_key(), algorithms=["EdDSA"], options={"verify_exp": False, "verify_nbf": False}
    )
    assert claims["exp"] == NOW_S + 120


@pytest.mark.parametrize(
    "secret", ["", "no key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "QUJD"]
)
def test_a_key_that_is_none_is_refused_without_being_shown(secret: str):
    with pytest.raises(NotAllowed, match="CDP API key") as caught:
        jwt_for(Credentials(api_key=NAME, api_secret=secret), NOW_NS)
    assert caught.value.__cause__ is None
    assert not secret or secret not in str(caught.value)


def test_requests_carry_a_token_when_there_are_credentials():
    adapter = CoinbaseAdapter(credentials=ALICE, clock_ns=lambda: NOW_NS)
    request = msgspec.json.decode(adapter.subscribe(adapter.streams("BTC-USD")[:1], request_id=1))
    assert claims_of(request["jwt"])["sub"] == NAME
