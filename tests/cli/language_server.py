"""A client of yaml-language-server over stdio: just enough of the protocol for diagnostics, completion and hover."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PACKAGE = "yaml-language-server"
FOLDER = "BUTFOR_YAML_LANGUAGE_SERVER"
"""Environment variable: the folder that `npm install --prefix FOLDER yaml-language-server` was told."""


def command() -> list[str] | None:
    """How the server is started here, or None where node or the package is absent."""
    node = shutil.which("node")
    script = Path(os.environ.get(FOLDER, "")) / "node_modules" / PACKAGE / "bin" / PACKAGE
    if node and os.environ.get(FOLDER) and script.is_file():
        return [node, str(script), "--stdio"]
    installed = shutil.which(PACKAGE)
    return [installed, "--stdio"] if node and installed else None


class Server:
    """A running server. What it publishes of a document is waited for; every other message of its own is answered."""

    def __init__(self, start: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self._published: dict[str, list[dict[str, Any]]] = {}
        capabilities = {
            "textDocument": {
                "hover": {"contentFormat": ["markdown"]},
                "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
            },
            "workspace": {"configuration": True},
        }
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self.tell("initialized", {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def diagnostics(self, path: Path) -> list[dict[str, Any]]:
        """What the server says of a file, once it has opened it."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": path.read_text(encoding="utf-8")}
        self.tell("textDocument/didOpen", {"textDocument": document})
        while path.as_uri() not in self._published:
            self._hear()
        return self._published[path.as_uri()]

    def completion(self, path: Path, line: int, character: int) -> list[dict[str, Any]]:
        """What may stand there; lines and characters count from 0."""
        found = self.ask("textDocument/completion", self._at(path, line, character))
        return found["items"] if isinstance(found, dict) else found

    def hover(self, path: Path, line: int, character: int) -> str:
        """The text that an editor shows there."""
        found = self.ask("textDocument/hover", self._at(path, line, character))
        return found["contents"]["value"] if found else ""

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        """Send a request and wait for its answer."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            message = self._hear()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def tell(self, method: str, parameters: dict[str, Any]) -> None:
        """Send a notification."""
        self._send({"method": method, "params": parameters})

    @staticmethod
    def _at(path: Path, line: int, character: int) -> dict[str, Any]:
        return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._process.stdin
        assert stream is not None
        stream.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        stream.flush()

    def _hear(self) -> dict[str, Any]:
        """The next message; requests of the server are answered at once."""
        stream = self._process.stdout
        assert stream is not None
        size = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        assert size, "the server has ended"
        message: dict[str, Any] = json.loads(stream.read(size))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            off = {"schemaStore": {"enable": False}, "validate": True, "hover": True, "completion": True}
            settings = {"yaml": off}
            self._send(
                {
                    "id": message["id"],
                    "result": [settings.get(one.get("section")) for one in message["params"]["items"]],
                }
            )
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message
