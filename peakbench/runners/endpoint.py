"""One OpenAI-compatible base URL: its form, what it serves, and clear words when it does not answer."""

import difflib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.redaction import hide, hide_in_urls, sounds_secret
from peakbench.runs.manifest import ServerFacts

if TYPE_CHECKING:
    import aiohttp

_PROBE_TIMEOUT_S = 15.0
_VERSION_TIMEOUT_S = 5.0
_MAX_BYTES = 16 * 2**20
"""Longest body that is read of what a server says about itself."""
_SHOWN_MODELS = 12
_SHORTEST_SECRET = 4
"""Shorter values would be found, and replaced, in every other word."""
_SHORTEST_CREDENTIAL = 16
"""The same of answers, whose words are scored: `not-needed` is a common key of servers that look at none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked.

    Attributes:
        base_url: Ends with the version, such as `http://localhost:8000/v1`; no credentials in it.
        api_key: Sent as the bearer token; `EMPTY` when there is none. Never written anywhere.
        api_key_env: The environment variable the key came from, for messages.
        headers: Sent with every request beside those; their values are never written anywhere.
        direct: Whether no proxy stands before it, whatever the environment says; so it is of a server that PeakBench
            started on this machine.
    """

    base_url: str
    api_key: str = field(repr=False, default="EMPTY")
    api_key_env: str = "OPENAI_API_KEY"
    headers: tuple[tuple[str, str], ...] = field(repr=False, default=())
    direct: bool = False

    @property
    def proxy(self) -> str | None:
        """The proxy that requests go through; None for none."""
        return None if self.direct else environment_proxy(self.base_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: the key, the password of the proxy, and headers, whole and without a scheme."""
        values = [] if self.api_key == "EMPTY" else [self.api_key]
        values.append(urlsplit(self.proxy or "").password or "")
        for _, value in self.headers:
            values += [value, *value.split(" ")[1:]]
        return tuple(value for value in values if len(value) >= _SHORTEST_SECRET)

    @property
    def credentials(self) -> tuple[str, ...]:
        """What not even an answer, or a fact about the server, may show.

        Of the secrets, the key and the values of headers that sound like one, where they are long enough to be nothing
        else. Other headers hold plain words, which a model may well write and be called by.
        """
        named = [value for name, value in self.headers if sounds_secret(name) or name.lower() == "cookie"]
        given = {self.api_key, *named, *(part for value in named for part in value.split(" ")[1:])}
        return tuple(value for value in self.secrets if value in given and len(value) >= _SHORTEST_CREDENTIAL)


def normalise_base_url(url: str) -> str:
    """Bring a base URL into one form: with a scheme, without a trailing slash, ending with its API version.

    `http://host:8000`, `host:8000/v1/` and `http://host:8000/v1/chat/completions` all become `http://host:8000/v1`.

    Raises:
        BadInputError: If it is no http(s) URL, or holds a password.
    """
    given = url.strip()
    if "://" not in given:
        given = f"http://{given}"
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInputError(
            f"--base-url {_shown(url)!r}: {error}", mend="give it like http://localhost:8000/v1"
        ) from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadInputError(
            f"--base-url {_shown(url)!r} is no http(s) URL", mend="give it like http://localhost:8000/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadInputError(
            "--base-url holds a user, a password, a query or a fragment",
            mend="give the bare URL; a key is read from the environment (--api-key-env)",
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    if not re.search(r"/v\d+[a-z0-9]*$", path):
        path += "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _shown(url: str) -> str:
    """A URL that cannot be used, without what may be secret in it."""
    return re.sub(r"[?#].*", "…", re.sub(r"[^/]*@", "…@", url))


def environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`); None for none.

    It is looked up once, not at every request; credentials of ~/.netrc are not taken, for they would stand in the
    place of the key.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


class NoAnswerError(InfrastructureError):
    """Nothing answers at an endpoint, or only something before it that says so (5xx): it may be up later."""


def endpoints_at(urls: Sequence[str], like: Endpoint) -> tuple[Endpoint, ...]:
    """Endpoints with the same key and headers.

    Args:
        urls: Their base URLs, in any of their forms.
        like: The key and the headers.

    Raises:
        BadInputError: If one is no base URL, or is given twice.
    """
    found: dict[str, Endpoint] = {}
    for url in urls:
        base_url = normalise_base_url(url)
        if base_url in found:
            raise BadInputError(f"the base URL {base_url} is given twice", mend="give each endpoint once")
        found[base_url] = replace(like, base_url=base_url)
    return tuple(found.values())


async def probe(endpoint: Endpoint, model: str) -> ServerFacts:
    """Ask the endpoint what it serves, before the first request.

    A server without a model list (404 or 405 there, with a JSON body), or with an empty one, is let pass:
    `require_model` tells.

    Raises:
        NoAnswerError: If nothing answers.
        InfrastructureError: If the key is refused, it is no such API, or the model is not served.
    """
    import aiohttp

    headers = {"Authorization": f"Bearer {endpoint.api_key}", **dict(endpoint.headers)}
    try:
        async with aiohttp.ClientSession(headers=headers, proxy=endpoint.proxy) as session:
            status, location, body = await _get(session, f"{endpoint.base_url}/models", _PROBE_TIMEOUT_S)
            version = await _version(session, endpoint)
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:  # the last: a name that no host has
        raise NoAnswerError(
            f"no server answers at {endpoint.base_url}: {hide(_reason(error), endpoint.secrets)}",
            mend="start one (`vllm serve MODEL`, or `peakbench mock-server`), or give its --base-url",
        ) from error
    if 300 <= status < 400:  # a redirected request would lose its body, or take the key and the pictures elsewhere
        told = f": {hide(hide_in_urls(location), endpoint.secrets)}" if location else ""
        raise InfrastructureError(
            f"{endpoint.base_url} sends its visitors elsewhere ({status}{told})",
            mend="give the URL it points to as --base-url",
        )
    if status in (401, 403):
        raise InfrastructureError(
            f"{endpoint.base_url} refuses the API key ({status})",
            mend=f"put the right key into the environment variable {endpoint.api_key_env}, or name another "
            "variable with --api-key-env",
        )
    if status >= 500:
        raise NoAnswerError(
            f"no server answers at {endpoint.base_url}: GET {endpoint.base_url}/models answered {status}",
            mend="wait until it is up, or look what its log says; or give the --base-url of another",
        )
    if status in (404, 405) and isinstance(body, dict):
        return ServerFacts(version=version, listed=False)
    served = _served(body)
    if status != 200 or served is None:
        raise InfrastructureError(
            f"{endpoint.base_url} is no OpenAI-compatible API: GET {endpoint.base_url}/models answered {status}",
            mend="check --base-url: it is the part before /chat/completions, such as http://localhost:8000/v1",
        )
    if not served:  # some load any model when it is asked for, and list none
        return ServerFacts(version=version, listed=False)
    if model not in served:
        raise _not_served(endpoint, model, list(served))
    entry = served[model]
    length = entry.get("max_model_len")
    return ServerFacts(
        version=version,
        owned_by=_text(entry.get("owned_by"), endpoint),
        root=_text(entry.get("root"), endpoint),
        parent=_text(entry.get("parent"), endpoint),
        max_model_len=length if isinstance(length, int) and 0 < length < 2**53 else None,
    )


def _not_served(endpoint: Endpoint, model: str, served: list[str]) -> InfrastructureError:
    close = difflib.get_close_matches(model, served, n=1)
    served = [hide(name, endpoint.credentials) for name in served]
    shown = ", ".join(served[:_SHOWN_MODELS]) + (", …" if len(served) > _SHOWN_MODELS else "")
    hint = (
        f"did you mean --model {close[0]}?"
        if close
        else f"name one of these: {shown} (--model, or the model's `name` in a run file)"
    )
    return InfrastructureError(
        f"{endpoint.base_url} does not serve `{model}`; it serves {shown or 'nothing'}", mend=hint
    )


def _served(body: Any) -> dict[str, dict[str, Any]] | None:
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return None
    return {entry["id"]: entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)}


async def _version(session: "aiohttp.ClientSession", endpoint: Endpoint) -> str | None:
    """The version that vLLM tells beside the API; others do not, or never answer, and that is fine."""
    import aiohttp

    root = re.sub(r"/v\d+[a-z0-9]*$", "", endpoint.base_url)
    try:
        status, _, body = await _get(session, f"{root}/version", _VERSION_TIMEOUT_S)
    except (aiohttp.ClientError, TimeoutError, OSError, InfrastructureError):
        return None
    return _text(body.get("version"), endpoint) if status == 200 and isinstance(body, dict) else None


def _reason(error: Exception) -> str:
    """Why there was no answer, in the system's own words where it has some."""
    from aiohttp import ClientConnectorError

    known = error.os_error.errno if isinstance(error, ClientConnectorError) else None
    if known is not None and known > 0:
        return os.strerror(known).lower()
    return str(error) or "timed out"


async def _get(session: "aiohttp.ClientSession", url: str, timeout_s: float) -> tuple[int, str | None, Any]:
    """Status, `Location` and JSON body of a page; the body is None when it is no JSON."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with session.get(url, timeout=timeout, allow_redirects=False) as response:
        content = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            content += chunk
            if len(content) > _MAX_BYTES:
                raise InfrastructureError(
                    f"{url} answers with more than {_MAX_BYTES:,} bytes",
                    mend="check --base-url: this is no OpenAI-compatible API",
                )
        try:
            body = json.loads(bytes(content))
        except (ValueError, RecursionError):
            body = None
        return response.status, response.headers.get("Location"), body


def _text(value: Any, endpoint: Endpoint) -> str | None:
    """What a server says of itself, as it is written down: short, and without the key."""
    return hide(value, endpoint.credentials)[:200] if isinstance(value, str) else None
