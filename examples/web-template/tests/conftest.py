import pytest


def pytest_addoption(parser):
    parser.addoption("--base-url", help="where the service under test answers")


@pytest.fixture
def base_url(request):
    return request.config.getoption("--base-url")
