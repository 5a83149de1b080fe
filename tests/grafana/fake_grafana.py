"""A server that answers as Grafana's API does, as far as `push` goes, and remembers what it was asked."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "glsa_geheim"


class FakeGrafana:
    """`refuse` maps a path to status and body; `there` holds what was made."""

    def __init__(self):
        self.asked, self.bodies, self.there, self.refuse = [], {}, set(), {}
        self.url = ""

    def answer(self, method, path, token, body):
        self.asked.append(f"{method} {path}")
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if path in self.refuse:
            return self.refuse[path]
        if method == "GET":
            return (200, {}) if path in self.there else (404, {"message": "not found"})
        self.bodies[path, body.get("uid") or body.get("dashboard", {}).get("uid")] = body
        if path == "/api/datasources":
            self.there.add(f"/api/datasources/uid/{body['uid']}")
        elif path == "/api/folders":
            self.there.add(f"/api/folders/{body['uid']}")
        return 200, {"status": "success"}


@contextmanager
def running():
    fake = FakeGrafana()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, answer = fake.answer(self.command, self.path, self.headers.get("Authorization"), body)
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://other.example/login")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 the library's names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
