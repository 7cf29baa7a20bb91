"""Records in a temporary file without a name: nothing is left of it when the process ends, however
it ends."""

from __future__ import annotations

import os
import struct
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from streams.importers.outcomes import ImportFault

BLOCK_BYTES = 1 << 16
_LENGTH = struct.Struct("<I")


class TemporaryRecords:
    """Byte strings in the order in which they were added; read as often as needed, also by several
    readers at a time."""

    def __init__(self) -> None:
        file = tempfile.TemporaryFile(buffering=BLOCK_BYTES)  # noqa: SIM115  # as long as this
        self._file: IO[bytes] = file
        weakref.finalize(self, _close, file)
        self._n_bytes = 0

    def add(self, record: bytes) -> None:
        """Raises ImportFault where the disk is full."""
        try:
            self._file.write(_LENGTH.pack(len(record)))
            self._file.write(record)
        except OSError as error:
            raise _no_room(error) from None
        self._n_bytes += _LENGTH.size + len(record)

    def __iter__(self) -> Iterator[bytes]:
        try:
            self._file.flush()
        except OSError as error:
            raise _no_room(error) from None
        at, block, position = 0, b"", 0
        while at < self._n_bytes:
            while len(block) - position < self._next_length(block, position):
                found = os.pread(self._file.fileno(), BLOCK_BYTES, at + len(block) - position)
                block, position = block[position:] + found, 0
            length = self._next_length(block, position)
            yield block[position + _LENGTH.size : position + length]
            position += length
            at += length

    @staticmethod
    def _next_length(block: bytes, position: int) -> int:
        if len(block) - position < _LENGTH.size:
            return _LENGTH.size
        return _LENGTH.size + int(_LENGTH.unpack_from(block, position)[0])


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what cannot be written any more is not needed
        file.close()


def _no_room(error: OSError) -> ImportFault:
    return ImportFault(
        f"{tempfile.gettempdir()}: {error.strerror}: a large export needs as much room there as it "
        "takes itself; free some, or set TMPDIR to another folder"
    )
