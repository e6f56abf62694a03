import os
import signal
import sys

from .release import RELEASE
from .server import create_server

port = int(os.environ.get("PORT", "8000"))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"{RELEASE} listens on {port}", flush=True)
create_server(port).serve_forever()
