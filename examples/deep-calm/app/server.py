import base64
import hmac
import json
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.health import health
from app.metrics import cac, sparkline
from app.release import RELEASE


def create_server(address, database, ops_auth=None):
    """`ops_auth`, `user:password`, guards what only operations should see."""

    def metrics():
        costs = [cac(spend, customers) for spend, customers in database.days()]
        return {"cac": costs, "sparkline": sparkline([cost or 0 for cost in costs])}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            route = {
                "/livez": lambda: {"status": "ok"},
                "/healthz": lambda: health(database, RELEASE),
                "/api/metrics": metrics,
            }.get(self.path)
            if route is None:
                return self.answer(404, {"error": "no such page"})
            if self.path == "/healthz" and not self.may_see():
                return self.answer(401, {"error": "for operations"})
            try:
                self.answer(200, route())
            except Exception as error:
                traceback.print_exc()
                self.answer(500, {"error": repr(error)})

        def may_see(self):
            if not ops_auth:
                return True
            expected = "Basic " + base64.b64encode(ops_auth.encode()).decode()
            return hmac.compare_digest(self.headers.get("authorization", ""), expected)

        def answer(self, code, body):
            self.send_response(code)
            self.send_header("content-type", "application/json")
            if code == 401:
                self.send_header("www-authenticate", 'Basic realm="operations"')
            self.end_headers()
            self.wfile.write(json.dumps(body).encode() + b"\n")

        def log_message(self, form, *values):
            print(form % values, file=sys.stderr, flush=True)

    return ThreadingHTTPServer(address, Handler)
