"""What an export's bytes are: text in which encoding, or a workbook; packed ones are unpacked up to
a limit. By content, since names say little of what a CRM has written."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from streams.importers.outcomes import ImportFault

MAX_FILE_BYTES = 1_000_000_000
"""The largest export, unpacked. All of it is held in memory, which takes a few times as much."""

MAX_BOOK_BYTES = 500_000_000
"""The largest workbook, unpacked: its shared texts are held in memory, several times as large."""

LEGACY = "cp1252"
"""The encoding that Excel writes in western Europe where it does not write UTF-8."""

MAX_MENDED = 0.001
"""The share of a file's characters that may be NUL: more are another encoding."""

GOOD_FOR_A_BAD_ONE = 10
"""A file with so many characters that are whole for each that is not is of this encoding, and a
program has cut some of them in two."""

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
    """`encoding`: what the bytes were read as. `n_mended`: characters that were taken out or are
    unknown, since the file has bytes that are no text."""

    text: str
    encoding: str
    n_mended: int = 0


def opened(path: Path) -> Workbook | ExportText:
    """Reads a file. Raises ImportFault where it is too large, empty, damaged or of a kind that
    asllr does not read, OSError."""
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise ImportFault(
            f"{path}: {size:,} bytes, at most {MAX_FILE_BYTES:,}: export a part of it"
        )
    content = path.read_bytes()
    if content.startswith(_GZIP):
        content = _unpacked(path, content)
    if content.startswith(_ZIP):
        _check_book(path, content)
        return Workbook(content)
    for mark, kind in _OTHERS.items():
        if content.startswith(mark):
            raise ImportFault(f"{path}: is {kind}: {_READABLE}")
    if content[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(_MARKUP):
        raise ImportFault(f"{path}: is HTML or XML, whatever its name says: {_READABLE}")
    text, encoding, n_mended = _decoded(path, content)
    if n_nul := text.count("\0"):
        if n_nul > MAX_MENDED * len(text):
            raise ImportFault(f"{path}: holds NUL characters: export it as UTF-8 text")
        text, n_mended = text.replace("\0", ""), n_mended + n_nul
    if not text.strip("\ufeff \t\r\n"):
        raise ImportFault(f"{path}: empty: export it with its line of column names")
    return ExportText(text, encoding, n_mended)


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise ImportFault(f"{path}: a damaged .gz: export or pack it again") from None
    if len(unpacked) > MAX_FILE_BYTES:
        raise ImportFault(
            f"{path}: more than {MAX_FILE_BYTES:,} bytes when unpacked: export a part of it"
        )
    return unpacked


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


def _decoded(path: Path, content: bytes) -> tuple[str, str, int]:
    likely = _encodings(content)
    at = 0
    for encoding in likely:
        try:
            return content.decode(encoding), encoding, 0
        except UnicodeDecodeError as error:
            at = error.start
        text = content.decode(encoding, "replace")
        n_bad = text.count("\ufffd")
        n_good = len(text) - len(text.encode("ascii", "ignore")) - n_bad
        if n_bad * GOOD_FOR_A_BAD_ONE < n_good:
            return text, encoding, n_bad
    raise ImportFault(
        f"{path}: neither {' nor '.join(likely)} at byte {at:,}: export it as UTF-8"
    ) from None


def _encodings(content: bytes) -> tuple[str, ...]:
    """The likely encodings. UTF-16 without its mark has a NUL at every other byte of Latin text."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    head = content[:2_000]
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = head[start::2]
        if half and half.count(0) > 0.8 * len(half) and not head[1 - start :: 2].count(0):
            return (encoding,)
    return ("utf-8-sig", LEGACY)
