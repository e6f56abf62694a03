import json
from urllib.request import urlopen


def test_lists_items(base_url):
    with urlopen(f"{base_url}/items", timeout=10) as answer:
        assert json.load(answer)["items"]
