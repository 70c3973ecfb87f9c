"""The tokens with which Coinbase's private channels and endpoints know us.

Source: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-authentication. A token is
good for one message and for two minutes. Keys are elliptic curve keys in PEM (ES256), or Ed25519 keys in base64 (EdDSA).
"""

import secrets
from base64 import b64decode
from binascii import Error as NotBase64

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from marketdata.exchanges.adapter import Credentials, NotAllowed

LIFETIME_S = 120

_SEED_BYTES = 32


def jwt_for(credentials: Credentials, now_ns: int, *, uri: str = "", nonce: str = "") -> str:
    """A token for one message, or for the REST request `uri` ("GET api.coinbase.com/api/v3/brokerage/accounts").

    Without `nonce` one is made. Raises NotAllowed for a key that is none.
    """
    now_s = now_ns // 1_000_000_000
    claims: dict[str, str | int] = {
        "sub": credentials.api_key,
        "iss": "cdp",
        "nbf": now_s,
        "exp": now_s + LIFETIME_S,
    }
    if uri:
        claims["uri"] = uri
    headers = {"kid": credentials.api_key, "nonce": nonce or secrets.token_hex(16)}
    # Files of settings often hold the key on one line.
    secret = credentials.api_secret.replace("\\n", "\n").strip()
    try:
        if secret.startswith("-----BEGIN"):
            return jwt.encode(claims, secret, algorithm="ES256", headers=headers)
        seed = b64decode(secret, validate=True)[:_SEED_BYTES]
        return jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(seed), algorithm="EdDSA", headers=headers)
    except (jwt.PyJWTError, NotBase64, ValueError, TypeError) as error:
        # The error's own text might quote the key.
        raise NotAllowed(
            f"Coinbase's API secret cannot be used ({type(error).__name__}): give the private key of a CDP API key as it "
            "was downloaded, with its lines BEGIN and END, or as base64."
        ) from None
