"""python3 -m app.ask /livez: exit 0 when the service in this container answers 200. It is asked often, so it imports little."""

import base64
import os
import socket
import sys

lines = [f"GET {sys.argv[1]} HTTP/1.0"]
if auth := os.environ.get("OPS_BASIC_AUTH"):
    lines.append("authorization: Basic " + base64.b64encode(auth.encode()).decode())
with socket.create_connection(("127.0.0.1", 8000), timeout=5) as connection:
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    sys.exit(b" 200 " not in connection.recv(64))
