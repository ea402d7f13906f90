"""What ends a deployment; nothing else does."""


class DeployError(Exception):
    """The board cannot be put into service like this; the text is a sentence that says what to do."""
