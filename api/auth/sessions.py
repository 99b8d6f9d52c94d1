"""Signed cookies of people who have logged in, and the tokens of forms. Pure but for the clock of the signature."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import Response

COOKIE = "tracker_session"

#: Header by which the command line shows that it can read the key of the cookies: who makes the first token must.
PROOF_HEADER = "x-tracker-proof"


@dataclass(frozen=True, slots=True)
class LoginSession:
    """What the cookie says: by which token the person logged in. `nonce` makes each login another."""

    token_id: str
    nonce: str


class LoginSessions:
    """Signs and reads; `key` is the secret, `hours` how long a login lasts, `secure` whether people come over https."""

    def __init__(self, key: str, hours: float, secure: bool) -> None:
        self._signer = URLSafeTimedSerializer(
            key, salt="session", signer_kwargs={"digest_method": hashlib.sha256}
        )
        self._key, self._seconds, self._secure = key, int(hours * 3600), secure

    def read(self, cookie: str) -> LoginSession | None:
        """The session, or None for a cookie that is not ours or too old."""
        try:
            payload = self._signer.loads(cookie, max_age=self._seconds)
            return LoginSession(str(payload["t"]), str(payload["n"]))
        except (BadData, KeyError, TypeError):
            return None

    def begin(self, response: Response, token_id: str) -> None:
        """Log in: the cookie names the token, which must still be good at every request."""
        value = self._signer.dumps({"t": token_id, "n": secrets.token_urlsafe(16)})
        assert isinstance(value, str)
        response.set_cookie(
            COOKIE, value, max_age=self._seconds, secure=self._secure, httponly=True, samesite="lax"
        )

    def end(self, response: Response) -> None:
        """Log out this browser."""
        response.delete_cookie(COOKIE, secure=self._secure, httponly=True, samesite="lax")

    def csrf(self, seed: str) -> str:
        """The token of forms for this session or person."""
        return hmac.new(self._key.encode(), f"csrf\0{seed}".encode(), hashlib.sha256).hexdigest()

    def is_csrf(self, seed: str, form_token: str) -> bool:
        """Whether it is; compared in constant time."""
        return hmac.compare_digest(self.csrf(seed).encode(), form_token.encode())

    def command_line_proof(self) -> str:
        """What only a process with the tracker's settings and data can say."""
        return hmac.new(self._key.encode(), b"command line", hashlib.sha256).hexdigest()

    def is_command_line(self, proof: str) -> bool:
        """Whether it is; compared in constant time."""
        return hmac.compare_digest(self.command_line_proof().encode(), proof.encode())
