import json
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app import notes
from app.release import RELEASE


def create_server(address, connect):
    """`connect` gives a connection that commits at the end of its `with`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path not in ("/api/health", "/api/notes"):
                return self.answer(404, {"error": "no such route"})
            self.work(self.health if self.path == "/api/health" else notes.listed)

        def do_POST(self):
            if self.path != "/api/notes":
                return self.answer(404, {"error": "no such route"})
            text = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            self.work(lambda connection: notes.add(connection, text))

        def health(self, connection):
            return {"status": "ok", "release": RELEASE, "notes": len(notes.listed(connection))}

        def work(self, ask):
            try:
                with connect() as connection:
                    body = ask(connection)
                self.answer(200, body)
            except Exception as error:
                traceback.print_exc()
                self.answer(500, {"error": repr(error)})

        def answer(self, code, body):
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode() + b"\n")

        def log_message(self, form, *values):
            print(form % values, file=sys.stderr, flush=True)

    return ThreadingHTTPServer(address, Handler)
