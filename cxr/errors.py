"""The one exception for what a user can put right."""


class UserError(Exception):
    """Bad input. Its text says in one line what is wrong and what to do; stages print it alone."""
