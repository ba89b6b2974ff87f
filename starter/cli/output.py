"""The console that commands print to."""

from rich.console import Console

# A pipe has no edge: nothing that goes into one is wrapped or cut.
PIPED_WIDTH = 1_000


def open_console() -> Console:
    """A console that takes texts as they are, because names are other people's."""
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console
