import pytest


def pytest_addoption(parser):
    parser.addoption("--base-url", required=True)


@pytest.fixture
def base_url(request):
    return request.config.getoption("--base-url")
