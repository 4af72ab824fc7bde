"""A W&B server in miniature: just enough for a real `wandb sync` or online run, on 127.0.0.1 only.

It answers the GraphQL operations by name, takes the file stream and every uploaded file, and keeps
all of it for a test to look at.
"""

import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import unquote


class WandbStub:
    """`with WandbStub() as server:` then point WANDB_BASE_URL at `server.url`."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, dict[str, Any]]] = []
        self.history: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.uploads: dict[str, bytes] = {}
        self.exit_code: int | None = None
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = json.loads(body or b"{}")
                answer = stub.stream(request) if "file_stream" in self.path else stub.graphql(request)
                self.reply(json.dumps(answer).encode())

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.uploads[unquote(self.path.removeprefix("/upload/"))] = body
                self.reply(b"{}")

            def do_GET(self) -> None:
                self.reply(b"{}")

            def reply(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: the test prints for itself."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """The client drops idle connections when it ends: no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def file(self, folder: str, name: str) -> dict[str, Any]:
        """The address to which the client is to PUT the file of this name."""
        where = {"uploadUrl": f"{self.url}/upload/{folder}/{name}", "uploadHeaders": []}
        return {"id": name, "name": name, "displayName": name, "artifact": {"id": "artifact"}} | where

    def graphql(self, request: dict[str, Any]) -> dict[str, Any]:
        operation, variables = request.get("operationName", ""), request.get("variables") or {}
        self.operations.append((operation, variables))
        project = {"id": "project", "name": "p", "entity": {"id": "entity", "name": "me"}}
        bucket = {"id": "run", "name": variables.get("name"), "historyLineCount": 0, "config": "{}"}
        bucket |= {"displayName": variables.get("displayName"), "project": project}
        artifact = {"id": "artifact", "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
        artifact_files = variables.get("input", {}).get("artifactFiles", [])
        nodes = [{"node": self.file("artifact", file["name"])} for file in artifact_files]
        run_files = [self.file("run", name) for name in variables.get("files", [])]
        manifest = {"id": "manifest", "file": self.file("artifact", "manifest")}
        answers: dict[str, dict[str, Any]] = {
            "Viewer": {"viewer": {"id": "me", "entity": "me", "username": "me", "flags": "{}"}},
            "ServerFeaturesQuery": {"serverInfo": {"features": []}},
            "RunResumeStatus": {"model": None},
            "UpsertBucket": {"upsertBucket": {"bucket": bucket, "inserted": True}},
            "CreateRunFiles": {"createRunFiles": {"runID": "run", "uploadHeaders": [], "files": run_files}},
            "CreateArtifact": {"createArtifact": {"artifact": artifact}},
            "CreateArtifactFiles": {"createArtifactFiles": {"files": {"edges": nodes}}},
            "CreateArtifactManifest": {"createArtifactManifest": {"artifactManifest": manifest}},
            "CommitArtifact": {"commitArtifact": {"artifact": artifact | {"digest": ""}}},
        }
        return {"data": answers.get(operation, {})}

    def stream(self, request: dict[str, Any]) -> dict[str, Any]:
        files = request.get("files") or {}
        self.history += [json.loads(line) for line in files.get("wandb-history.jsonl", {}).get("content", [])]
        for line in files.get("wandb-summary.json", {}).get("content", []):
            self.summary = json.loads(line)
        if request.get("complete"):
            self.exit_code = request.get("exitcode")
        return {}
