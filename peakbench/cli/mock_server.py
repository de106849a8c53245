"""`peakbench mock-server`: an OpenAI-compatible server with small built-in models, latencies and faults."""

from pathlib import Path
from typing import Annotated

import typer


def mock_server(
    models: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A built-in model to serve; may be given again. All if not given."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 for a free one.")] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option("--api-key-env", help="Environment variable that holds the key clients must send.")
    ] = None,
    ttft_ms: Annotated[float, typer.Option("--ttft-ms", min=0, help="Latency before the first token.")] = 0.0,
    token_ms: Annotated[float, typer.Option("--token-ms", min=0, help="Latency of each further token.")] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            help="KIND=RATE: a fault and the share of attempts it hits; may be given again. Kinds: rate_limit, "
            "server_error, reset, gateway, stall, slow_loris, truncated, invalid_body, wrong_content_type, "
            "broken_envelope, redirect, quota, payment_required, forbidden, moved.",
        ),
    ] = None,
    retry_after: Annotated[
        float, typer.Option("--retry-after", min=0, help="Retry-After of a rate_limit, seconds.")
    ] = 0.0,
    hold: Annotated[
        float, typer.Option("--hold", min=0, help="How long a stall or slow_loris is held open, seconds.")
    ] = 600.0,
    max_faults: Annotated[
        int, typer.Option("--max-faults", min=0, help="How often one request may be hit by a fault.")
    ] = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the faults.")] = 0,
    die_after: Annotated[
        int,
        typer.Option(
            "--die-after", min=0, help="Die after this many chat requests, each time anew: all connections are reset."
        ),
    ] = 0,
    die_for: Annotated[
        float, typer.Option("--die-for", min=0, help="How long nothing listens then, before it is back, seconds.")
    ] = 5.0,
    constrain: Annotated[
        bool,
        typer.Option("--constrain", help="Hold answers to the schema of `response_format`, instead of ignoring it."),
    ] = False,
    canned: Annotated[
        bool,
        typer.Option(
            "--canned",
            help="Serve one answer to everything, without looking, and count (GET /stats); for measuring clients.",
        ),
    ] = False,
    allowed_local_media_path: Annotated[
        Path | None,
        typer.Option("--allowed-local-media-path", help="Folder whose images requests may name by file:// URLs."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value when ready.")] = False,
) -> None:
    """Serve small models that look at the pixels of the image in the request, at an OpenAI-compatible API."""
    import os

    from peakbench.cli.console import print_json, say
    from peakbench.errors import BadInputError
    from peakbench.mock import (
        CANNED_MODEL,
        MODEL_NAMES,
        Faults,
        MockServerSettings,
        build_models,
        read_rates,
        serve_canned,
        serve_forever,
    )

    if canned:
        if models or api_key_env or token_ms or fault or die_after:
            raise BadInputError("--canned has no models, key or faults", mend="leave those out, or leave out --canned")

        def listening(url: str) -> None:
            if as_json:
                print_json({"base_url": url, "models": [CANNED_MODEL]})
            else:
                say(f"serving one answer as `{CANNED_MODEL}` at {url} (Ctrl-C ends it)")

        serve_canned(host, port, ttft_ms / 1000, listening)
        return
    key = os.environ.get(api_key_env) if api_key_env else None
    if api_key_env and not key:
        raise BadInputError(
            f"the environment variable {api_key_env} is not set", mend="set it, or leave out --api-key-env"
        )
    faults = Faults(read_rates(fault or ()), retry_after, hold, seed, max_faults)
    names = models or list(MODEL_NAMES)
    built = build_models(names, progress=None if as_json else say)
    settings = MockServerSettings(
        host=host,
        port=port,
        api_key=key,
        ttft_ms=ttft_ms,
        token_ms=token_ms,
        constrains=constrain,
        allowed_local_media_path=allowed_local_media_path,
        faults=faults,
        die_after=die_after,
        die_for_s=die_for,
    )

    def ready(url: str) -> None:
        if as_json:
            print_json({"base_url": url, "models": names})
        else:
            say(f"serving {', '.join(names)} at {url} (Ctrl-C ends it)")

    serve_forever(built, settings, ready)
