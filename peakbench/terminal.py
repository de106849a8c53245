"""What others wrote (a server, a model, a file) is shown on a terminal as text and never drives it."""


def printable(text: str) -> str:
    """Put a replacement character in the place of every control character, new lines apart."""
    return "".join(char if char == "\n" or char.isprintable() else "�" for char in text)
