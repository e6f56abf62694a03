import os
import signal
import threading

import psycopg

from app.server import create_server

url = os.environ["DATABASE_URL"]
server = create_server(("", 8000), lambda: psycopg.connect(url, connect_timeout=5))
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("backend listens on 8000", flush=True)
server.serve_forever()
