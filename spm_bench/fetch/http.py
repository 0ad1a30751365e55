"""One HTTP request: what may pass is told apart from what will not."""

from __future__ import annotations

import email.utils
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import IO, cast

from spm_bench import __version__
from spm_bench.errors import FetchError

PASSING_CODES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which it is worth asking again (RFC 9110, 6585)."""
_MEANINGS = {401: "It wants a login", 403: "It refuses to give it", 404: "It may have moved", 410: "It is gone"}
_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
_BYTES = re.compile(r"\d{1,18}", re.ASCII)
"""Of a length; with more digits it is none, and Python refuses to read thousands of them."""


class Trouble(Exception):  # noqa: N818 - no error yet: it may pass
    """Something that may pass: a broken connection, silence, an overloaded server.

    Attributes:
        reason: What happened.
        wait: Seconds after which the server wants to be asked again, None where it did not say.
        unreachable: Whether no connection came about at all.
    """

    def __init__(self, reason: str, *, wait: float | None = None, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.unreachable = reason, wait, unreachable


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but not from an encrypted connection to an open one, nor away from HTTP."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        check_scheme(newurl)
        if req.full_url.casefold().startswith("https:") and not newurl.casefold().startswith("https:"):
            raise FetchError(f"it leads to an unencrypted address ({newurl})", where=req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def check_scheme(url: str) -> None:
    """Accept addresses of the web only.

    Raises:
        FetchError: It begins neither with http:// nor with https://.
    """
    if not url.casefold().startswith(("http://", "https://")):
        raise FetchError("this is no address of the web", where=url, remedy="It begins with http:// or https://")


def open_url(
    url: str, *, timeout: float, start: int = 0, validator: str = "", method: str = "GET"
) -> http.client.HTTPResponse:
    """Ask for a file, or for the rest of it.

    Args:
        url: An http or https address.
        timeout: Seconds of silence after which the connection counts as broken, also while reading.
        start: Bytes that are here already.
        validator: ETag or date of those bytes: the server sends the rest only if they are still the same file.
        method: GET or HEAD.

    Returns:
        An answer of status 200, 206 or 416, to be closed by the caller.

    Raises:
        Trouble: What may pass.
        FetchError: What will not: no such file, no permission, a wrong certificate, no address of the web.
    """
    check_scheme(url)
    headers = {"User-Agent": f"spm_bench/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        request = urllib.request.Request(url, headers=headers, method=method)
        opener = urllib.request.build_opener(_Redirects)
        return cast("http.client.HTTPResponse", opener.open(request, timeout=timeout))
    except urllib.error.HTTPError as answer:
        return _judge(answer, url)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise FetchError(f"its certificate is not valid ({error.reason.verify_message})", where=url) from error
        raise Trouble(f"no answer ({error.reason})", unreachable=True) from error
    except (OSError, http.client.HTTPException) as error:
        raise Trouble(f"no answer ({_told(error)})", unreachable=isinstance(error, ConnectionRefusedError)) from error
    except ValueError as error:
        raise FetchError(f"this is no address of the web ({error})", where=url) from error


def _judge(answer: urllib.error.HTTPError, url: str) -> http.client.HTTPResponse:
    """Return an answer that only means that nothing is left to send; raise for the others."""
    if answer.code == 416:
        return cast("http.client.HTTPResponse", answer)
    told = f"the server answers {answer.code} {answer.reason}"
    wait = retry_after(answer.headers)
    answer.close()
    if answer.code in PASSING_CODES:
        raise Trouble(told, wait=wait) from answer
    raise FetchError(told, where=url, remedy=_MEANINGS.get(answer.code)) from answer


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def retry_after(headers: Message) -> float | None:
    """Seconds that an answer asks to wait: its Retry-After is a number of seconds or a date; None without a sound one.

    >>> message = Message()
    >>> message["Retry-After"] = "7"
    >>> retry_after(message)
    7.0
    """
    said = (headers.get("Retry-After") or "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(email.utils.parsedate_to_datetime(said).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


def content_range(answer: http.client.HTTPResponse) -> tuple[int | None, int | None]:
    """First byte that an answer of status 206 or 416 sends, and bytes of the whole file; None where it does not say."""
    found = _RANGE.match(answer.headers.get("Content-Range") or "")
    if found is None:
        return None, None
    return (None if found[1] is None else int(found[1])), (None if found[3] == "*" else int(found[3]))


def content_length(answer: http.client.HTTPResponse) -> int | None:
    """Bytes that an answer says it sends."""
    said = answer.headers.get("Content-Length") or ""
    return int(said) if _BYTES.fullmatch(said) else None


def validator_of(answer: http.client.HTTPResponse) -> str:
    """What names the version of a file: a strong ETag, else the date of its last change, else nothing."""
    tag = answer.headers.get("ETag") or ""
    if tag and not tag.startswith("W/"):
        return tag
    return answer.headers.get("Last-Modified") or ""
