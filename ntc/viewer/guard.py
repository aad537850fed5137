"""Who may ask: somebody who has the token, for a page of this server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

TOKEN_HEADER: Final = "Ntc-Token"
Headers: TypeAlias = "Message[str, str]"

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ANY: Final = ("0.0.0.0", "::")

# On every answer. A page that was taken over could still not send anything anywhere else.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server. A port is part of the cookie's name: hosts share cookies."""

    host: str  # that the server is bound to
    port: int
    token: str

    def refusal(self, target: str, headers: Headers) -> str | None:
        """Why a request is refused, or None."""
        host = headers.get("Host", "")
        if not self._is_ours(host):
            # A name that somebody else made lead here: DNS rebinding.
            return f"Host `{host}` is not this server"
        origin = headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            return f"Origin `{origin}` is not this server"
        if not self._knows_token(target, headers):
            return "the token is missing or wrong; open the address that `ntc view` printed"
        return None

    def cookie(self, target: str) -> str | None:
        """The cookie to set where the token came in the address."""
        if not self._matches(_token_in(target)):
            return None
        return f"{self._cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    @property
    def _cookie(self) -> str:
        return f"ntc_viewer_{self.port}"

    def _is_ours(self, host: str) -> bool:
        """Any port will do: a tunnel through SSH may begin at another one."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        named = name in (*_LOOPBACK, self.host.lower())
        return named or (self.host in _ANY and name is not None and _is_address(name))

    def _knows_token(self, target: str, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("Cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        cookie = cookies[self._cookie].value if self._cookie in cookies else ""
        given = (headers.get(TOKEN_HEADER, ""), cookie, _token_in(target))
        return any(self._matches(token) for token in given)

    def _matches(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(errors="replace"), self.token.encode())


def _token_in(target: str) -> str:
    return parse_qs(target.partition("?")[2]).get("token", [""])[0]


def _is_address(name: str) -> bool:
    """Whether a host is an address: only names can be made to lead elsewhere."""
    return ":" in name or name.replace(".", "").isdecimal()
