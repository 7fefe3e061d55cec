"""The page for a team: nothing of it is served before one has signed in. Run by `kb app --team`.

It knows requests, cookies and the page to sign in on. What a member may do is not decided here.
"""

from __future__ import annotations

import argparse
import html
import json
import logging
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kb.accounts import COOKIE, SESSION_HOURS, SHORTEST, Accounts
from kb.errors import Forbidden, UsageError

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/sign-in", "/sign-in/start", "/sign-in/back", "/_stcore/health"})
UPLOADS = "/_stcore/upload_file"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { width: min(22rem, calc(100vw - 3rem)); }
h1 { font-size: 1.5rem; margin: 0 0 1rem; }
label { display: block; margin: .75rem 0 .25rem; }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem .6rem;
        border: 1px solid #76808f; border-radius: .5rem; }
button { font: inherit; font-weight: 600; margin-top: 1.25rem; padding: .5rem 1rem; border: 0;
         border-radius: .5rem; background: #1d4ed8; color: #fff; cursor: pointer; }
:is(input, button, a):focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
[role=alert] { border-left: 4px solid #c2410c; padding: .25rem .75rem; margin: 0 0 1rem; }
"""


class Gate:
    """Lets through who is signed in; others reach the page to sign in on and nothing else."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        """Stand before `app`, and ask `accounts` at every request."""
        self._app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        token = HTTPConnection(scope).cookies.get(COOKIE, "")
        member = await run_in_threadpool(self._accounts.member_of, token)
        if member is None:
            await _shut_out(scope, receive, send)
        elif scope["path"].startswith(UPLOADS) and not member.may("editor"):
            await PlainTextResponse("A reader uploads nothing.", 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _shut_out(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4401})
        return
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if scope["method"] == "GET" and wants_page:
        asked = scope["path"] + (
            "?" + scope["query_string"].decode() if scope["query_string"] else ""
        )
        answer: Response = RedirectResponse(f"/sign-in?next={quote(asked)}", 303, _HEADERS)
    else:
        answer = PlainTextResponse("Sign in first.", 401, _HEADERS)
    await answer(scope, receive, send)


# -- the page to sign in on, and the ways out ------------------------------------------------------


def password_routes(accounts: Accounts, *, secure: bool) -> list[Route]:
    """Signing in with a password, out, and another password.

    `secure`: the cookie goes over https only.
    """

    async def sign_in(request: Request) -> Response:
        to = _local(request.query_params.get("next", "/"))
        if request.method != "POST":
            return _page("Sign in", _sign_in_form(to))
        _same_site(request)
        form = await request.form()
        name, password = str(form.get("name", "")), str(form.get("password", ""))
        try:
            token = await run_in_threadpool(
                accounts.sign_in, name, password, address=_address(request)
            )
        except Forbidden as error:
            return _page("Sign in", _sign_in_form(to, name), str(error), status=403)
        return _let_in(token, to, secure=secure)

    async def password(request: Request) -> Response:
        if request.method != "POST":
            return _page("Another password", _PASSWORD_FORM)
        _same_site(request)
        form = await request.form()
        old, new = str(form.get("password", "")), str(form.get("new", ""))
        token = request.cookies.get(COOKIE, "")
        try:
            await run_in_threadpool(
                accounts.change_password, token, old, new, address=_address(request)
            )
        except (Forbidden, UsageError) as error:
            return _page("Another password", _PASSWORD_FORM, str(error), status=403)
        return RedirectResponse("/sign-in", 303, _HEADERS)

    both = ["GET", "POST"]
    return [
        Route("/sign-in", sign_in, methods=both),
        Route("/password", password, methods=both),
        _sign_out_route(accounts, secure=secure),
    ]


def _sign_out_route(accounts: Accounts, *, secure: bool) -> Route:
    async def sign_out(request: Request) -> Response:
        if request.method != "POST" and request.headers.get("sec-fetch-site") != "same-origin":
            return _page("Sign out", '<form method="post"><button>Sign out</button></form>')
        _same_site(request)
        await run_in_threadpool(accounts.sign_out, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/sign-in", 303, _HEADERS)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure)
        return answer

    return Route("/sign-out", sign_out, methods=["GET", "POST"])


def _let_in(token: str, to: str, *, secure: bool) -> Response:
    """Send a browser to a page of ours with its token."""
    answer = RedirectResponse(to, 303, _HEADERS)
    answer.set_cookie(
        COOKIE, token, max_age=int(SESSION_HOURS * 3600), httponly=True, samesite="lax",
        secure=secure,
    )  # fmt: skip
    return answer


def _same_site(request: Request) -> None:
    """Forbidden for a form that another site has sent."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("This form came from another site.")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _local(path: str) -> str:
    """`path` where it leads to a page of ours, else the first page: never to another site."""
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith("//") and not parts.netloc
    return path if ours and "\\" not in path and path.isprintable() else "/"


def _page(title: str, form: str, error: str = "", *, status: int = 200) -> HTMLResponse:
    said = f'<p role="alert">{html.escape(error)}</p>' if error else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · kb</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>{said}{form}</main></body></html>",
        status,
        _HEADERS,
    )


def _sign_in_form(to: str, name: str = "") -> str:
    return (
        f'<form method="post" action="/sign-in?next={quote(to)}">'
        '<label for="name">Name</label>'
        f'<input id="name" name="name" value="{html.escape(name)}" autocomplete="username" '
        "required autofocus>"
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" '
        "required><button>Sign in</button></form>"
    )


_PASSWORD_FORM = (
    '<form method="post"><label for="password">Password</label>'
    '<input id="password" name="password" type="password" autocomplete="current-password" required>'
    f'<label for="new">New password, {SHORTEST} characters or more</label>'
    '<input id="new" name="new" type="password" autocomplete="new-password" required '
    f'minlength="{SHORTEST}"><button>Change it</button></form>'
)


async def _forbidden(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 403, _HEADERS)


# -- OpenID Connect --------------------------------------------------------------------------------


def oidc_routes(accounts: Accounts, settings: dict[str, Any], *, secure: bool) -> list[Route]:
    """Signing in with a provider that vouches for an e-mail address, instead of a password.

    `settings` has client_id, client_secret and server_metadata_url, as Streamlit's `[auth]` has;
    optionally redirect_uri, where a proxy hides what the page is asked by, and trust_email, for a
    provider that does not say whether it has verified the address.
    """
    client = _oidc_client(settings)

    async def sign_in(request: Request) -> Response:
        to = quote(_local(request.query_params.get("next", "/")))
        button = "<button>Sign in with your organisation</button>"
        kept = f'<input type="hidden" name="next" value="{to}">'
        return _page("Sign in", f'<form action="/sign-in/start">{kept}{button}</form>')

    async def start(request: Request) -> Response:
        request.session["next"] = _local(unquote(request.query_params.get("next", "/")))
        back = settings.get("redirect_uri") or str(request.url_for("back"))
        answer: Response = await client.authorize_redirect(request, back)
        return answer

    async def back(request: Request) -> Response:
        try:
            claims = (await client.authorize_access_token(request)).get("userinfo") or {}
            email = str(claims.get("email") or "")
            if not (claims.get("email_verified") is True or settings.get("trust_email")):
                raise Forbidden(f"The provider does not vouch for the address “{email}”.")
            token = await run_in_threadpool(accounts.sign_in_vouched, email)
        except Forbidden as error:
            return _page("Sign in", _AGAIN, str(error), status=403)
        except Exception:  # whatever a provider answers
            log.exception("Signing in by OpenID Connect failed")
            return _page("Sign in", _AGAIN, "The provider did not sign you in.", status=403)
        return _let_in(token, _local(request.session.pop("next", "/")), secure=secure)

    return [
        Route("/sign-in", sign_in),
        Route("/sign-in/start", start),
        Route("/sign-in/back", back, name="back"),
        _sign_out_route(accounts, secure=secure),
    ]


_AGAIN = '<p><a href="/sign-in">Try again</a></p>'


def _oidc_client(settings: dict[str, Any]) -> Any:
    """Authlib's client; UsageError where it is not installed or not told enough."""
    try:
        from authlib.integrations.starlette_client import OAuth
    except ImportError as error:
        raise UsageError('OpenID Connect needs Authlib: pip install "kb[oidc]".') from error
    needed = ("client_id", "client_secret", "server_metadata_url")
    if missing := [name for name in needed if not settings.get(name)]:
        raise UsageError(f"The [auth] table of the file does not set {', '.join(missing)}.")
    scope = {"scope": "openid email profile", "code_challenge_method": "S256"}
    return OAuth().register("oidc", client_kwargs=scope, **{n: settings[n] for n in needed})


# -- the server ------------------------------------------------------------------------------------


def serve(
    library: Path,
    entry: Path,
    settings: dict[str, Any],
    *,
    secure: bool,
    oidc: dict[str, Any] | None = None,
) -> None:
    """Serve the page of `library` to those with an account, until stopped.

    `settings` are Streamlit's; `oidc` those of `oidc_routes`, else one signs in with a password.
    """
    accounts = Accounts(library)
    if oidc is None:
        ways_in = password_routes(accounts, secure=secure)
    else:
        ways_in = oidc_routes(accounts, oidc, secure=secure)
    server = st.App(
        entry,
        routes=ways_in,
        middleware=[Middleware(Gate, accounts=accounts)],
        exception_handlers={Forbidden: _forbidden},
    )
    server.run(config=settings)


def main() -> None:
    """Serve as the command line of `kb app --team` says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--entry", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--secure", action="store_true")
    parser.add_argument("--oidc", type=Path)
    parser.add_argument("--team", action="store_true")  # read by kb.pages.session
    given = parser.parse_args()
    try:
        oidc = tomllib.loads(given.oidc.read_text("utf-8")).get("auth", {}) if given.oidc else None
        serve(given.library, given.entry, given.settings, secure=given.secure, oidc=oidc)
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"kb: {given.oidc} is not valid TOML: {error}.")
    except UsageError as error:
        sys.exit(f"kb: {error}")


if __name__ == "__main__":
    main()
