"""With SQLite in PostgreSQL's place: the statements are the same in both, but for the mark of a value."""

import json
import sqlite3
import threading
from urllib.request import Request, urlopen

import pytest

from app.server import create_server
from app.worker import work


class Connection:
    def __init__(self, file):
        self.own = sqlite3.connect(file)

    def execute(self, statement, values=()):
        return self.own.execute(statement.replace("%s", "?"), values)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.own.commit()
        self.own.close()


@pytest.fixture
def connect(tmp_path):
    file = tmp_path / "notes.db"
    with Connection(file) as connection:
        connection.execute("create table notes (id integer primary key, text text, words int)")
    return lambda: Connection(file)


@pytest.fixture
def url(connect):
    server = create_server(("127.0.0.1", 0), connect)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url):
    with urlopen(url) as answer:
        return json.load(answer)


def test_is_healthy(url):
    assert get(url + "/api/health")["status"] == "ok"


def test_notes_are_kept_and_their_words_counted(url, connect, tmp_path):
    urlopen(Request(url + "/api/notes", data=b"buy two apples")).close()
    assert get(url + "/api/notes") == [{"text": "buy two apples", "words": None}]
    assert work(connect, tmp_path / "beat") == 1
    assert get(url + "/api/notes") == [{"text": "buy two apples", "words": 3}]
