"""A Hub for tests: as much of its protocol as `datasets` and `huggingface_hub` speak to stream a data set."""

import hashlib
import json
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from small_servers import QuietHandler

Files = Mapping[str, bytes]
"""Path in the repository to content."""


class Hub(ThreadingHTTPServer):
    """Serves the commits of one data set.

    Attributes:
        repo: `org/name`.
        commits: Commit to its files.
        branches: Branch or tag to the commit it names; may be changed.
        resolved: The revision and path of every file that was asked for.
    """

    daemon_threads = True

    def __init__(self, repo: str, commits: Mapping[str, Files], branches: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repo, self.commits, self.branches = repo, commits, branches
        self.resolved: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit_of(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.branches.get(revision)


class _Handler(QuietHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        files, api = f"/datasets/{self.server.repo}/resolve/", f"/api/datasets/{self.server.repo}/"
        if path.startswith(files):
            self._file(*path.removeprefix(files).split("/", 1))
        elif path.startswith(api):
            self._api(*path.removeprefix(api).split("/", 2))
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _file(self, revision: str, name: str) -> None:
        self.server.resolved.append((revision, name))
        commit = self.server.commit_of(revision)
        if commit is None:
            return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        content = self.server.commits[commit].get(name)
        if content is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if asked := self.headers.get("Range"):
            first, last = asked.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            return self._send(206, content[start : end + 1], headers)
        return self._send(200, content, headers)

    def _api(self, what: str, revision: str, folder: str = "") -> None:
        commit = self.server.commit_of(revision)
        if commit is None:
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        files = self.server.commits[commit]
        if what == "revision":
            siblings = [{"rfilename": name} for name in files]
            return self._json({"_id": "1", "id": self.server.repo, "sha": commit, "tags": [], "siblings": siblings})
        prefix = f"{folder}/" if folder else ""
        within = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
        if what != "tree" or not within:
            return self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
        folders = sorted({name.split("/")[0] for name in within if "/" in name})
        entries: list[dict[str, Any]] = [{"type": "directory", "path": prefix + name} for name in folders]
        entries += [
            {"type": "file", "path": prefix + name, "size": len(files[prefix + name])}
            for name in within
            if "/" not in name
        ]
        return self._json([entry | {"oid": hashlib.sha1(entry["path"].encode()).hexdigest()} for entry in entries])

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
