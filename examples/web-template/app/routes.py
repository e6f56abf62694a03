"""What the service answers. A route returns what becomes JSON; what it raises becomes a 500 and a traceback in the log."""

from .release import RELEASE


def health():
    return {"status": "ok", "release": RELEASE}


def items():
    return {"items": ["apple", "pear"]}


ROUTES = {"/health": health, "/items": items}
