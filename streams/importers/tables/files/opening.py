"""What an export's bytes are: text in which encoding, or a workbook; packed ones are unpacked up to
a limit. By content, since names say little of what a CRM has written. Text is never held as a
whole: it is decoded once to know its encoding, and again while its lines are read."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from streams.importers.outcomes import ImportFault

MAX_FILE_BYTES = 10_000_000_000
"""The largest export that is text."""

MAX_UNPACKED_BYTES = 1_000_000_000
"""The largest .gz, unpacked, and the largest file of a workbook."""

MAX_BOOK_BYTES = 500_000_000
"""The largest workbook, unpacked: its shared texts are held in memory, several times as large."""

MAX_LINE_CHARS = 300_000_000
"""The longest line: it is held in memory."""

LEGACY = "cp1252"
"""The encoding that Excel writes in western Europe where it does not write UTF-8."""

MAX_MENDED = 0.001
"""The share of a file's characters that may be NUL: more are another encoding."""

GOOD_FOR_A_BAD_ONE = 10
"""A file with so many characters that are whole for each that is not is of this encoding, and a
program has cut some of them in two."""

HEAD_CHARS = 200_000
"""So much of a text is looked at to tell what it is."""

_CHUNK_BYTES = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WORKBOOK = "xl/workbook.xml"
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "a workbook of the old kind (.xls)",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a data base",
    b"{\\rtf": "a text document",
    b"\xfd7zXZ": "packed with xz",
    b"(\xb5/\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
    b"7z\xbc\xaf": "packed with 7-Zip",
}
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml")
_READABLE = "export it as CSV, .xlsx or JSON"


@dataclass(frozen=True, slots=True)
class Workbook:
    """The bytes of an .xlsx whose unpacked size has been checked."""

    content: bytes


@dataclass(frozen=True, slots=True)
class ExportText:
    """A file that is text. `encoding`: what its bytes are read as; `errors`: as codecs name it;
    `n_chars`: its length; `n_mended`: characters that are taken out or unknown, since the file has
    bytes that are no text; `head`: its first HEAD_CHARS."""

    path: Path
    encoding: str
    errors: str = "strict"
    n_chars: int = 0
    n_mended: int = 0
    head: str = ""

    def parts(self) -> Iterator[str]:
        """The text in parts of about a megabyte, as often as it is asked for. Raises OSError."""
        return (part.replace("\0", "") for part in _decoded_parts(self))

    def whole(self) -> str:
        return "".join(self.parts())


def opened(path: Path) -> Workbook | ExportText:
    """Looks a file through. Raises ImportFault where it is too large, empty, damaged or of a kind
    that asllr does not read, OSError."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ImportFault(
            f"{path}: {size:,} bytes, at most {MAX_FILE_BYTES:,}: export a part of it"
        )
    begin = _beginning(path)
    if begin.startswith(_ZIP):
        return _book(path)
    for mark, kind in _OTHERS.items():
        if begin.startswith(mark):
            raise ImportFault(f"{path}: is {kind}: {_READABLE}")
    if begin[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_MARKUP):
        raise ImportFault(f"{path}: is HTML or XML, whatever its name says: {_READABLE}")
    return _looked_through(path, _encodings(begin))


@contextmanager
def _bytes_of(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield unpacked  # type: ignore[misc]  # GzipFile reads bytes, typeshed does not call it IO


def _chunks(path: Path) -> Iterator[bytes]:
    n = 0
    try:
        with _bytes_of(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                n += len(chunk)
                if isinstance(file, gzip.GzipFile) and n > MAX_UNPACKED_BYTES:
                    raise ImportFault(
                        f"{path}: more than {MAX_UNPACKED_BYTES:,} bytes when unpacked: unpack it, "
                        "or export a part of it"
                    )
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ImportFault(f"{path}: a damaged .gz: export or pack it again") from None


def _beginning(path: Path) -> bytes:
    return next(_chunks(path), b"")


def _book(path: Path) -> Workbook:
    with _bytes_of(path) as file:
        content = file.read(MAX_UNPACKED_BYTES + 1)
    if len(content) > MAX_UNPACKED_BYTES:
        raise ImportFault(
            f"{path}: a workbook of more than {MAX_UNPACKED_BYTES:,} bytes: export it as CSV"
        )
    _check_book(path, content)
    return Workbook(content)


def _check_book(path: Path, content: bytes) -> None:
    """Raises ImportFault where a zip is no workbook or would unpack to too much. What a zip says of
    its parts' sizes binds: zipfile reads no more of a part than that."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = book.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise ImportFault(f"{path}: a damaged .xlsx or zip: export it again") from None
    if _WORKBOOK not in {part.filename for part in parts}:
        raise ImportFault(f"{path}: a zip archive without a workbook: unpack it, or {_READABLE}")
    if any(part.flag_bits & 1 for part in parts):
        raise ImportFault(f"{path}: has a password: export it without one")
    if (size := sum(part.file_size for part in parts)) > MAX_BOOK_BYTES:
        raise ImportFault(
            f"{path}: {size:,} bytes when unpacked, at most {MAX_BOOK_BYTES:,}: export it as CSV"
        )


def _looked_through(path: Path, likely: tuple[str, ...]) -> ExportText:
    """The text in the first of the likely encodings that can be it."""
    at = 0
    for encoding in likely:
        strict = ExportText(path, encoding)
        try:
            return _checked(strict)
        except UnicodeDecodeError as error:
            at = error.start
        lenient = replace(strict, errors="replace")
        n_bad = n_good = 0
        for part in _decoded_parts(lenient):
            n_of_part = part.count("\ufffd")
            n_bad += n_of_part
            n_good += len(part) - len(part.encode("ascii", "ignore")) - n_of_part
        if n_bad * GOOD_FOR_A_BAD_ONE < n_good:
            found = _checked(lenient)
            return replace(found, n_mended=found.n_mended + n_bad)
    raise ImportFault(f"{path}: neither {' nor '.join(likely)} at byte {at:,}: export it as UTF-8")


def _checked(text: ExportText) -> ExportText:
    """With what can be said of it only when all of it is seen. Raises UnicodeDecodeError, whose
    start is in the file, ImportFault."""
    n_chars = n_nul = line = 0
    head = ""
    is_empty = True
    for part in _decoded_parts(text):
        n_chars += len(part)
        n_nul += part.count("\0")
        if n_nul > MAX_MENDED * MAX_FILE_BYTES:
            break  # whatever follows
        if len(head) < HEAD_CHARS:
            head += part.replace("\0", "")[: HEAD_CHARS - len(head)]
        is_empty = is_empty and not part.strip("\ufeff \t\r\n\0")
        line = 0 if "\n" in part or "\r" in part else line + len(part)
        if line > MAX_LINE_CHARS:
            raise ImportFault(
                f"{text.path}: a line of more than {MAX_LINE_CHARS:,} characters: export a row a "
                "line"
            )
    if n_nul > MAX_MENDED * n_chars:
        raise ImportFault(f"{text.path}: holds NUL characters: export it as UTF-8 text")
    if is_empty:
        raise ImportFault(f"{text.path}: empty: export it with its line of column names")
    return replace(text, n_chars=n_chars - n_nul, n_mended=n_nul, head=head)


def _decoded_parts(text: ExportText) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(text.encoding)(text.errors)
    n_read = 0
    try:
        for chunk in _chunks(text.path):
            n_waiting = len(decoder.getstate()[0])
            before, n_read = n_read - n_waiting, n_read + len(chunk)
            yield decoder.decode(chunk)
        before = n_read - len(decoder.getstate()[0])
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        error.start += before
        raise


def _encodings(head: bytes) -> tuple[str, ...]:
    """The likely encodings. UTF-16 without its mark has a NUL at every other byte of Latin text."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    head = head[:2_000]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = head[start::2]
        if half and half.count(0) > 0.8 * len(half) and not head[1 - start :: 2].count(0):
            return (encoding,)
    return ("utf-8-sig", LEGACY)
