"""Exit 0 when the service in this container answers 200. It is asked often, so it imports little."""

import socket
import sys

with socket.create_connection(("127.0.0.1", 8000), timeout=5) as connection:
    connection.sendall(b"GET /api/health HTTP/1.0\r\n\r\n")
    sys.exit(b" 200 " not in connection.recv(64))
