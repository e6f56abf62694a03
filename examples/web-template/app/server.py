"""HTTP with nothing but the standard library."""

import json
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .metrics import Metrics
from .routes import ROUTES


def create_server(port, routes=None):
    known = ROUTES if routes is None else routes
    metrics = Metrics()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            started = time.perf_counter()
            path = self.path.split("?")[0]
            if path == "/metrics":
                self.answer(200, "text/plain; version=0.0.4", metrics.text())
                metrics.count(200, time.perf_counter() - started)
                return
            code, body = self.call(known.get(path))
            self.answer(code, "application/json", json.dumps(body) + "\n")
            metrics.count(code, time.perf_counter() - started)

        def call(self, route):
            if route is None:
                return 404, {"error": "no such route"}
            try:
                return 200, route()
            except Exception as error:
                traceback.print_exc()
                return 500, {"error": str(error)}

        def answer(self, code, kind, text):
            sent = text.encode()
            self.send_response(code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_):
            """Requests are counted, not logged."""

    return ThreadingHTTPServer(("", port), Handler)
