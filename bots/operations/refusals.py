"""What every operation raises when it cannot be done now."""


class Refused(Exception):
    """An act that is not possible in the present state; the message is a sentence for people."""
