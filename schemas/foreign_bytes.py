"""Recognises values that are not JSON by how they begin, and names the producer's setting. Pure.

Facts from the clients' own documents: Confluent's wire format (magic byte 0, 4-byte schema id;
Apicurio's default has 8 bytes), Java's object stream (JLS/`java.io.ObjectStreamConstants`), the
magic numbers of RFC 1952 (gzip), RFC 8878 (zstd), LZ4 and snappy-java frames, Unicode's byte order
marks.
"""

from __future__ import annotations

FRAME_BYTES = (5, 9)
"""Magic byte and schema id: of Confluent's and of Apicurio's serializers."""

_FIX_REGISTRY = (
    "send the JSON alone: Java value.serializer=org.apache.kafka.common.serialization."
    "StringSerializer (or the schema id in a header: value.schema.id.serializer="
    "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer), confluent-kafka Producer "
    "with json.dumps instead of JSONSerializer, kafkajs without the registry's encode()"
)
_FIX_COMPRESSED = (
    "let the client compress instead: compression.type=gzip, lz4 or zstd (Java, librdkafka), "
    "compression: CompressionTypes.GZIP (kafkajs), config.Producer.Compression (Sarama)"
)
_FIX_MARK = (
    "write UTF-8 without a byte order mark: new UTF8Encoding(false) in .NET, 'utf-8' and not "
    "'utf-8-sig' in Python, -Encoding utf8NoBOM in PowerShell"
)
_FIX_UTF16 = (
    "encode as UTF-8: Encoding.UTF8 in .NET, StandardCharsets.UTF_8 in Java, "
    "serializer.encoding=UTF-8 of Kafka's StringSerializer"
)

_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xef\xbb\xbf", "the value begins with a byte order mark (UTF-8)", _FIX_MARK),
    (b"\xff\xfe", "the value is UTF-16 (it begins with its byte order mark)", _FIX_UTF16),
    (b"\xfe\xff", "the value is UTF-16 (it begins with its byte order mark)", _FIX_UTF16),
    (b"{\x00", "the value is UTF-16", _FIX_UTF16),
    (b"\x00{", "the value is UTF-16", _FIX_UTF16),
    (b"\x1f\x8b", "the value is compressed with gzip", _FIX_COMPRESSED),
    (b"\x28\xb5\x2f\xfd", "the value is compressed with zstd", _FIX_COMPRESSED),
    (b"\x04\x22\x4d\x18", "the value is compressed with lz4", _FIX_COMPRESSED),
    (b"\x82SNAPPY\x00", "the value is compressed with snappy", _FIX_COMPRESSED),
    (
        b"\xac\xed\x00\x05",
        "the value is a serialised Java object",
        "send JSON: Spring's JsonSerializer, or StringSerializer with the JSON as a string",
    ),
    (
        b"[object Object]",
        "the value is the word for an object, not the object",
        "send JSON.stringify(event): kafkajs and node-rdkafka take strings and buffers",
    ),
    (b"{'", "the value is written with ' instead of \"", "send json.dumps(event), not str(event)"),
    (b"b'", "the value is a Python bytes literal", "send the bytes, not str(bytes)"),
    (b'b"', "the value is a Python bytes literal", "send the bytes, not str(bytes)"),
)


def fix_of_bytes(value: bytes) -> tuple[str, str] | None:
    """What is wrong with a value that is not JSON, and how to mend the producer; None where nothing
    is known of it.

    >>> fix_of_bytes(bytes.fromhex("1f8b08"))[0]
    'the value is compressed with gzip'
    """
    for beginning, detail, fix in _BEGINNINGS:
        if value.startswith(beginning):
            return detail, fix
    if value[:1] == b"\x00" and value.strip(b"\x00"):
        sizes = [size for size in FRAME_BYTES if value[size : size + 1] in (b"{", b"[")]
        size = sizes[0] if sizes else FRAME_BYTES[0]
        what = "before the JSON" if sizes else "and then no JSON (Avro or Protobuf?)"
        detail = f"the value is framed by a schema registry: {size} bytes that begin with 0 {what}"
        return detail, _FIX_REGISTRY
    return None
