import base64
import json
import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from app.server import create_server


class Days:
    def days(self):
        return [(100, 10), (100, 5)]


class Gone:
    def days(self):
        raise ConnectionError("no database")


@pytest.fixture
def serve():
    servers = []

    def start(database, ops_auth=None):
        server = create_server(("127.0.0.1", 0), database, ops_auth)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def get(url, auth=None):
    headers = {"authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}
    with urlopen(Request(url, headers=headers)) as answer:
        return json.load(answer)


def status(url, auth=None):
    with pytest.raises(HTTPError) as refused:
        get(url, auth)
    return refused.value.code


def test_is_healthy_when_the_database_answers(serve):
    assert get(serve(Days()) + "/healthz")["status"] == "ok"
    assert status(serve(Gone()) + "/healthz") == 500


def test_shows_cac(serve):
    assert get(serve(Days()) + "/api/metrics") == {"cac": [10.0, 20.0], "sparkline": "▄█"}


def test_operations_have_a_password(serve):
    url = serve(Days(), "ops:secret")
    assert status(url + "/healthz") == 401
    assert status(url + "/healthz", "ops:guess") == 401
    assert get(url + "/healthz", "ops:secret")["days"] == 2
    assert status(url + "/nowhere") == 404
