"""Serves a GGUF file with llama.cpp's own OpenAI-compatible server, out of the wheel `xllamacpp`.

    LLAMA_ENVIRONMENT/bin/python -I llama_cpp.py --model FILE --alias NAME --port PORT

It is for machines without a `llama-server`: `make llama-env` installs the wheel, which is prebuilt. The flags are those
of `llama-server`, so that in a run file one `command` can take the place of the other. The interpreter is that of the
serving environment, where PeakBench is not installed: the standard library and the wheel have to do, and `-I` keeps the
modules beside this file from standing in front of them.
"""

import argparse
import importlib
import signal
import sys


def main() -> None:
    """Serve until a signal ends the process.

    Raises:
        SystemExit: If the wheel is not installed here.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--alias", required=True, help="the name under which it is asked")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1, help="threads that wait for each other spin: few are faster")
    parser.add_argument("--parallel", type=int, default=4, help="requests that are answered at once")
    parser.add_argument("--ctx-size", type=int, default=8192, help="tokens of context, shared among those requests")
    given = parser.parse_args()
    try:
        llama = importlib.import_module("xllamacpp")
    except ImportError:
        raise SystemExit(f"xllamacpp is not installed in {sys.prefix}\nmake an environment: make llama-env") from None
    settings = llama.CommonParams()
    settings.model.path = given.model
    settings.model_alias = {given.alias}
    settings.hostnames = [given.host]
    settings.port = given.port
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = given.threads
    settings.n_parallel = given.parallel
    settings.n_ctx = given.ctx_size
    server = llama.Server(settings)  # serves in threads of its own for as long as it is held
    sys.stdout.write(f"serving at {server.listening_address}\n")
    sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pause()


if __name__ == "__main__":
    main()
