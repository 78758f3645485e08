"""Fixtures of the tests of targets."""

from servers import chat_server

__all__ = ["chat_server"]
