import pytest

from rig import running_stack


@pytest.fixture(scope="session")
def stack():
    """One stack for all end-to-end tests that do not break it."""
    with running_stack() as running:
        yield running


@pytest.fixture
async def client(stack):
    async with stack.client() as http:
        yield http
