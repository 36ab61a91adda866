"""Stub classes of an older API service: every name imports, constructing one raises."""

from chiron_host.absent import absent


def __getattr__(name: str) -> type:
    return absent(__name__, name)
