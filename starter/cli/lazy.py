"""Commands that are imported when they are run, so that ``godwit --help`` loads none of them."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


class LazyCommand(TyperCommand):
    """A line of the help that stands for a command or a group of commands.

    ``target`` is ``module:attribute``, the attribute a function or a ``typer.Typer``.
    """

    def __init__(self, name: str, target: str, help: str, panel: str) -> None:
        super().__init__(name, help=help, rich_help_panel=panel)
        self._target = target

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command; a second call makes another one."""
        module, _, attribute = self._target.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, typer.Typer):
            command: Any = get_group(target)
        else:
            single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            single.command(self.name)(target)
            command = get_command(single)
        command.name = self.name
        assert isinstance(command, TyperCommand | TyperGroup)
        return command


class LazyGroup(TyperGroup):
    """A group that loads the command that was chosen."""

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        """Find the command that the arguments name, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest


def lazy_group(commands: Sequence[LazyCommand]) -> type[LazyGroup]:
    """Make a group class that has these commands."""

    class Group(LazyGroup):
        """The commands of ``godwit``."""

        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for command in commands:
                self.add_command(command)

    return Group
