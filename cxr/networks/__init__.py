"""Networks and their training: what must train again when it changes."""
