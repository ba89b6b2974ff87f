"""A plugin of Temporal's SDK whose codec encrypts every payload, as an installation may bring."""

from collections.abc import Iterable
from dataclasses import replace

from cryptography.fernet import Fernet
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadCodec
from temporalio.plugin import SimplePlugin

ENCODING = b"binary/encrypted"
KEY = Fernet(b"c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE=")


class Encryption(PayloadCodec):
    """Encrypts whole payloads with one key."""

    async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """See :class:`temporalio.converter.PayloadCodec`."""
        return [
            Payload(metadata={"encoding": ENCODING}, data=KEY.encrypt(one.SerializeToString()))
            for one in payloads
        ]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """See :class:`temporalio.converter.PayloadCodec`."""
        return [
            Payload.FromString(KEY.decrypt(one.data))
            if one.metadata.get("encoding") == ENCODING
            else one
            for one in payloads
        ]


class EncryptingPlugin(SimplePlugin):
    """Godwit's converter with the codec, for client, worker and replayer."""

    def __init__(self) -> None:
        super().__init__(
            "encrypting",
            data_converter=replace(pydantic_data_converter, payload_codec=Encryption()),
        )
