"""The part of the reference's `api` package that workflow files import, on top of the Chiron host."""
