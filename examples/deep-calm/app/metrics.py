"""What the screen shows of a channel."""

BLOCKS = "▁▂▃▄▅▆▇█"


def cac(spend, customers):
    """Cost of one new customer; None where there was none."""
    return round(spend / customers, 2) if customers else None


def sparkline(values):
    """One block per value, the largest is the highest."""
    top = max(values, default=0)
    if top <= 0:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[int(value / top * (len(BLOCKS) - 1))] for value in values)
