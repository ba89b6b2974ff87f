"""Reading a form with a file: limited in size, in memory alone, because it holds numbers."""

from dataclasses import dataclass, field

from fastapi import Request
from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from dialects.http.bodies import BadBody, read_body
from spreadsheets.reading import BYTES_MAX

# A file, and the other fields of its form.
UPLOAD_BYTES_MAX = BYTES_MAX + 1024 * 1024
FIELDS_MAX = 20
NAME_LENGTH_MAX = 200


@dataclass
class Upload:
    """The fields of a form, and its file; ``content`` is empty where none was chosen."""

    fields: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    content: bytes = b""


async def read_upload(request: Request) -> Upload:
    """Read ``multipart/form-data`` with at most one file; raises BadBody, as ``read_body`` does."""
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/form-data"):
        raise BadBody("the form has no file", 415)
    return await read_body(
        request, UPLOAD_BYTES_MAX, lambda raw: parse_upload(raw, content_type.encode("latin-1"))
    )


def parse_upload(raw: bytes, content_type: bytes) -> Upload:
    """Parse ``multipart/form-data`` (RFC 7578); raises BadBody where it is malformed."""
    upload = Upload()

    def on_field(found: Field) -> None:
        if len(upload.fields) == FIELDS_MAX:
            raise BadBody("the form has too many fields")
        name, value = _text(found.field_name), _text(found.value)
        if name in upload.fields or "\x00" in name + value:
            raise BadBody("the form has a field twice, or a NUL character")
        upload.fields[name] = value

    def on_file(found: File) -> None:
        if upload.file_name:
            raise BadBody("the form has more than one file")
        upload.file_name = _text(found.file_name)[:NAME_LENGTH_MAX]
        found.file_object.seek(0)
        upload.content = found.file_object.read()
        found.close()

    config = {"MAX_MEMORY_FILE_SIZE": 2 * UPLOAD_BYTES_MAX, "MAX_BODY_SIZE": UPLOAD_BYTES_MAX}
    try:
        parser = create_form_parser(
            {"Content-Type": content_type}, on_field, on_file, config=config
        )
        parser.write(raw)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError):
        raise BadBody("the form is malformed") from None
    return upload


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8")
