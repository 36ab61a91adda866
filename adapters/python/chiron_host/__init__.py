"""Runs Python workflows for a durable engine: standard library only, CPython 3.10 or newer. The protocol is docs/host-protocol.md."""
