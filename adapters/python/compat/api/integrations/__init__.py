"""Integrations of an older API service. They import; using one says what to do instead."""
