"""Activities under the names of earlier versions: campaigns that run since then call them so."""

from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

from temporalio import activity

# The method's name, and what it was called up to version 0.3 of the workflow.
OLD_NAMES = {
    "validate_campaign": "vet",
    "plan_campaign": "plan",
    "find_next_waves": "next_waves",
    "requeue_unknown": "reopen_unknown",
    "shift_plan": "push_back",
    "respread_plan": "spread",
    "set_status": "mark",
    "count_messages": "count",
    "cancel_waiting": "cancel_rest",
    "settle_campaign": "settle",
}


def under_old_names(steps: Sequence[Callable[[Any], Any]]) -> list[Callable[[Any], Any]]:
    """The steps that have an old name, once more under that name."""
    return [
        _renamed(step, OLD_NAMES[step.__name__]) for step in steps if step.__name__ in OLD_NAMES
    ]


def _renamed(step: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def call(input: Any) -> Any:
        return step(input)

    call.__annotations__ = get_type_hints(step)
    return activity.defn(name=name)(call)
