"""Notes, and how many words they have: that is what the worker counts."""


def add(connection, text):
    connection.execute("insert into notes (text) values (%s)", (text,))


def listed(connection):
    rows = connection.execute("select text, words from notes order by id").fetchall()
    return [{"text": text, "words": words} for text, words in rows]


def count_words(connection):
    """Of every note that nobody has counted yet; gives how many there were."""
    waiting = connection.execute("select id, text from notes where words is null").fetchall()
    for note, text in waiting:
        connection.execute("update notes set words = %s where id = %s", (len(text.split()), note))
    return len(waiting)
