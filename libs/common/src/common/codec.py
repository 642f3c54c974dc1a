"""Events to bytes and back: JSON, compressed above 64 KiB so that a stage's result stays one message.

One message per result keeps its acceptance atomic; splitting would need reassembly (ADR 0004).
"""

import gzip
import zlib
from collections.abc import Mapping
from io import BytesIO

from pydantic import ValidationError

from common.contracts.values import Value
from common.errors import MalformedMessage

COMPRESS_ABOVE_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 1024 * 1024
"""What the bus takes (`max_payload` of nats-server, `max_msg_size` of the streams)."""
MAX_DECODED_BYTES = 16 * 1024 * 1024
"""Bound on what a compressed body may unfold to: a small message must not fill the memory."""

ENCODING_HEADER = "Content-Encoding"


def encode(value: Value) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that tell how to read it."""
    body = value.model_dump_json().encode()
    if len(body) <= COMPRESS_ABOVE_BYTES:
        return body, {}
    return gzip.compress(body, compresslevel=1, mtime=0), {ENCODING_HEADER: "gzip"}


def decode[V: Value](shape: type[V], body: bytes, headers: Mapping[str, str] | None = None) -> V:
    """Read a body as `shape`.

    Raises:
        MalformedMessage: it is not gzip where it says so, unfolds too far, or does not fit the shape.
    """
    try:
        return shape.model_validate_json(unfolded(body, headers))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise MalformedMessage(f"{shape.__name__}: {where}: {first['msg']}") from error


def unfolded(body: bytes, headers: Mapping[str, str] | None) -> bytes:
    """The body, decompressed if the headers say so.

    Raises:
        MalformedMessage: as in `decode`.
    """
    if (headers or {}).get(ENCODING_HEADER) != "gzip":
        return body
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as stream:
            data = stream.read(MAX_DECODED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedMessage("the body says gzip and is not") from error
    if len(data) > MAX_DECODED_BYTES:
        raise MalformedMessage(f"the body unfolds to more than {MAX_DECODED_BYTES} bytes")
    return data
