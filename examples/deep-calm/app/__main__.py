import os
import signal
import sys
import threading

from app.database import Database
from app.server import create_server

url = os.environ.get("DATABASE_URL")
if not url:
    sys.exit("DATABASE_URL is missing")
server = create_server(("", 8000), Database(url), os.environ.get("OPS_BASIC_AUTH"))
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("deep-calm listens on 8000", flush=True)
server.serve_forever()
