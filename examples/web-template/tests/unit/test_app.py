import json
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from app.routes import ROUTES
from app.server import create_server


def fails():
    raise RuntimeError("no database")


@pytest.fixture
def url():
    server = create_server(0, {**ROUTES, "/fails": fails})
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_is_well(url):
    with urlopen(f"{url}/health") as answer:
        assert json.load(answer)["status"] == "ok"


def test_an_error_is_counted_and_in_the_log(url, capfd):
    with pytest.raises(HTTPError) as raised:
        urlopen(f"{url}/fails")
    assert raised.value.code == 500
    assert "Traceback" in capfd.readouterr().err
    with urlopen(f"{url}/metrics") as answer:
        assert 'http_requests_total{code="500"} 1' in answer.read().decode()
