"""The small finished run of the library's tests."""

from tests.library.conftest import finished

__all__ = ["finished"]
