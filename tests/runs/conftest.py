"""Fixtures of the tests of runs."""

from servers import chat_server

__all__ = ["chat_server"]
