"""How the mock server refuses a request."""


class RefusedError(Exception):
    """A request that gets an error instead of an answer.

    Args:
        status: HTTP status.
        message: For the error envelope.
        kind: vLLM's name of the error's type.
        param: The key of the request it is about.
    """

    def __init__(self, status: int, message: str, *, kind: str = "BadRequestError", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
