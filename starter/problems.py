"""Reading the API's problem documents, for commands that are its clients."""

import httpx


def detail_of(answer: httpx.Response) -> str:
    """The first fault that a problem document names, else its title; never raises.

    ``not an answer of Godwit`` if the body is not a problem document.
    """
    try:
        problem = answer.json()
        faults = problem.get("errors") or [{}]
        return str(faults[0].get("detail") or problem["title"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "not an answer of Godwit"
