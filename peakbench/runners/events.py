"""Server-sent events, read as the bytes come: the payloads of a stream's events, each as soon as it is whole.

The format is that of the WHATWG HTML standard, section 9.2. Only `data` is kept: chat completions are told apart by
their payloads, and carry neither names nor ids that matter. One thing is read more kindly than the standard has it:
an event that is whole but for the blank line behind it counts when the stream ends there.
"""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventReader:
    """Gives the payloads of events from a stream's bytes, however these are cut.

    Lines end with LF, CR or CRLF; a payload of several lines is joined by LF; comments and other fields are passed
    over. Bytes are never decoded here, so a character may be cut in two. What it costs is linear in the bytes.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the parts of a line whose end has not come yet
        self._data: list[bytes] = []  # the lines of an event whose end has not come yet
        self._after_return = False
        self._first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes.

        Returns:
            The payloads of the events that these bytes complete, in order.
        """
        if self._after_return and chunk:
            self._after_return = False
            if chunk.startswith(b"\n"):  # the second half of a line end whose first half came before
                chunk = chunk[1:]
        if not chunk:
            return []
        lines = chunk.splitlines()  # of bytes: at LF, CR and CRLF alone
        ended = chunk.endswith((b"\n", b"\r"))
        self._after_return = chunk.endswith(b"\r")
        if self._line:
            self._line.append(lines[0])
            if len(lines) == 1 and not ended:
                return []
            lines[0] = b"".join(self._line)
            self._line.clear()
        if not ended:
            self._line.append(lines.pop())
        return self._take(lines)

    def finish(self) -> list[bytes]:
        """Say that the stream has ended.

        Returns:
            The payload of an event that lacked its blank line, if there is one.
        """
        lines = [b"".join(self._line), b""] if self._line else [b""]
        self._line.clear()
        return self._take(lines)

    def _take(self, lines: list[bytes]) -> list[bytes]:
        if self._first and lines:
            self._first = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        payloads = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif not line:
                if self._data:
                    payloads.append(b"\n".join(self._data))
                    self._data.clear()
            elif line == b"data":
                self._data.append(b"")
        return payloads
