from app.metrics import cac, sparkline


def test_cost_of_one_customer():
    assert cac(100, 8) == 12.5
    assert cac(100, 0) is None


def test_the_largest_is_the_highest():
    assert sparkline([0, 5, 10]) == "▁▄█"
    assert sparkline([0, 0]) == "▁▁"
