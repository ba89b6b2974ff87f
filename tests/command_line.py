"""The command line with every command loaded, for tests of their names and texts."""

from typer.core import TyperGroup
from typer.main import get_command

from starter.__main__ import app
from starter.cli.lazy import LazyCommand


def whole() -> TyperGroup:
    """The root group with the commands themselves in the place of their lines in the help."""
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, LazyCommand):
            root.commands[name] = command.load()
    return root
