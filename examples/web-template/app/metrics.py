"""Counters in the text format of Prometheus."""

from threading import Lock

BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    def __init__(self):
        self._lock = Lock()
        # a series that is there from the beginning: no error is 0 then, and not nothing
        self._codes = {200: 0, 500: 0}
        self._buckets = [0] * len(BUCKETS)
        self._seconds = 0.0

    def count(self, code, seconds):
        with self._lock:
            self._codes[code] = self._codes.get(code, 0) + 1
            self._seconds += seconds
            for index, bound in enumerate(BUCKETS):
                if seconds <= bound:
                    self._buckets[index] += 1

    def text(self):
        with self._lock:
            total = sum(self._codes.values())
            lines = [f'http_requests_total{{code="{code}"}} {count}' for code, count in self._codes.items()]
            name = "http_request_duration_seconds"
            bounds = [*zip(BUCKETS, self._buckets), ("+Inf", total)]
            lines += [f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in bounds]
            lines += [f"{name}_sum {self._seconds}", f"{name}_count {total}"]
            return "\n".join(lines) + "\n"
