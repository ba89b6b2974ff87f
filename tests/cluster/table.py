"""What the Compose files say and what ran: a row for each service, and what was not honoured."""

from collections.abc import Iterable, Mapping, Sequence

from tests.cluster.compose import Service
from tests.cluster.containers import Installation

Row = Sequence[str]
SAID_AND_RAN = ("service", "the files say", "what ran", "after", "healthy within")
NOT_RUN = "left out: nothing here stands for this image"


def said_and_ran(installation: Installation) -> list[Row]:
    """The rows of the table, in the order in which services start."""
    return [_row(installation, service) for service in installation.services.values()]


def not_honoured(services: Mapping[str, Service]) -> list[str]:
    """Sentences about what a process cannot be given, with the services concerned."""
    found: dict[str, list[str]] = {}
    for service in services.values():
        for key in service.left_out:
            found.setdefault(key, []).append(service.name)
    sentences = [f"`{key}` of {', '.join(names)}" for key, names in sorted(found.items())]
    tagged = sorted({each.image for each in services.values() if not each.is_built})
    sentences.append(
        "images: the programs above run in the place of " + ", ".join(f"`{tag}`" for tag in tagged)
    )
    published = [
        f"{each.name} ({', '.join(each.ports)})" for each in services.values() if each.ports
    ]
    sentences.append(
        "published `ports`: " + ", ".join(published) + "; services are asked at addresses of their"
        " own, and those of several replicas through a proxy"
    )
    sentences.append("`interval` of health checks: each is run twice a second")
    return sentences


def markdown(head: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def _row(installation: Installation, service: Service) -> Row:
    containers = installation.of(service.name)
    said = f"`{service.image}`" + (f" × {service.replicas}" if service.replicas > 1 else "")
    if service.command:
        said += f" `{' '.join(service.command)}`"
    said += f", {service.restart}" + (", health check" if service.health else "")
    image = installation.images[service.name]
    if image is None:
        return (service.name, said, NOT_RUN, "", "")
    addresses = ", ".join(each.place.address for each in containers)
    ran = f"{image.runs}, {'ran to its end' if service.is_job else f'at {addresses}'}"
    ran += f", {len(service.environment)} variables"
    if service.files:
        ran += f", {len(service.files)} file{'s' if len(service.files) > 1 else ''}"
    after = ", ".join(
        f"{name} {condition.removeprefix('service_').replace('_', ' ')}"
        for name, condition in service.needs.items()
    )
    seconds = max((each.healthy_after for each in containers), default=0.0)
    return (service.name, said, ran, after, f"{seconds:.1f} s")
