"""Against the deployed service: a user sees the sparkline."""

import json
from urllib.request import urlopen


def test_metrics_are_shown(base_url):
    with urlopen(base_url + "/api/metrics", timeout=10) as answer:
        metrics = json.load(answer)
    assert len(metrics["sparkline"]) == len(metrics["cac"])
