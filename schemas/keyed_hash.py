"""A keyed 64-bit hash of typed rows, column by column: what decides into which share a row falls.

What it is: a function of the row's cells under a secret, uniform by statistical tests, equal wherever the cells are
equal. What it is not: a cryptographic pseudorandom function. Texts pass through keyed BLAKE2b, numbers only through
two keyed multiply-and-shift rounds, so its outputs are never shown to anyone who may not see the rows; they are
compared with thresholds and forgotten. Two different rows collide by chance (2^-64 a pair), and then share a fate.

The hash of a row is a sum over columns of functions that differ by column, so that values that change places change
it, mixed once more under keys of its own. Mixing constants: Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014 (the finaliser of SplitMix64, Stafford's variant 13); BLAKE2: RFC 7693.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schemas.contiguous import contiguous
from schemas.errors import InputError

Hashes = npt.NDArray[np.uint64]
Numeric = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.signedinteger[Any]]
Slots = npt.NDArray[np.int64]
Cells = npt.NDArray[np.float64] | tuple[npt.NDArray[np.int32], Sequence[str]]
Path = Literal["numpy", "numba"]

_BLOCK = 4096
"""Rows mixed at a time: three arrays of them stay in the first-level cache or just beyond it."""
_REMEMBERED = 65_536
_SHORT, _TABLES = 256, 16
_EXACT = 2**53
_NAN = np.uint64(0x7FF8000000000000)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


@dataclass(frozen=True, slots=True)
class _ColumnKeys:
    """The functions of one column: two keys of its rounds, one apart for whole numbers beyond floats, and its texts."""

    rounds: tuple[np.uint64, np.uint64]
    whole: np.uint64
    missing: int
    text: hashlib.blake2b
    known: dict[str, int] = field(default_factory=dict)
    tables: "dict[tuple[str, ...], Hashes]" = field(default_factory=dict)


class RowHash:
    """Hashes rows of the named columns under a secret (its first 64 bytes); the order of the names means nothing.

    ``content`` starts as zeros, takes each column's part in place, and ``keys`` makes hashes of it. Both paths give the
    same; compiled code takes a second to load and about a quarter of the time.
    """

    def __init__(self, secret: bytes, columns: Iterable[str], path: Path = "numpy") -> None:
        self._path = path
        self._columns = {name: _column_keys(secret, name) for name in columns}
        rounds = np.frombuffer(_digest(secret, b"row", "", 16), dtype="<u8")
        self._rounds = (rounds[0], rounds[1])
        every = [keys.rounds for keys in self._columns.values()]
        self._all_rounds = np.array(every, dtype=np.uint64).reshape(-1, 2)

    def add_numbers(self, column: str, values: Numeric, content: Hashes, missing: Bools | None = None) -> None:
        """Add a column of float64 (not finite is missing) or int64 (missing where ``missing`` says so).

        A whole number is hashed as the float64 that equals it, and by its own 64 bits where none does; -0.0 as 0.0.
        """
        keys = self._columns[column]
        if self._path == "numba" and values.dtype.kind == "f":
            from schemas.compiled_hash import add_numbers

            floats = np.ascontiguousarray(values, dtype=np.float64)
            add_numbers(floats, floats.view(np.uint64), *keys.rounds, content)
            return
        for start in range(0, len(values), _BLOCK):
            rows = slice(start, start + _BLOCK)
            bits = _bits(values[rows], None if missing is None else missing[rows], keys.whole)
            content[rows] += _mixed(bits, keys.rounds)

    def add_words(self, column: str, indices: Indices, words: Sequence[str], content: Hashes) -> None:
        """Add a column of dictionary ``words``: ``indices`` into them, -1 where missing.

        Words that are listed twice are the same word. Raises ``InputError`` for an index outside the dictionary.
        """
        keys = self._columns[column]
        # Index -1 takes the last entry, which is the missing cell's.
        table = _table(keys, words)
        if self._path == "numba":
            from schemas.compiled_hash import add_words

            within = add_words(indices, table, content)
        elif within := not len(indices) or bool(indices.min() >= -1 and indices.max() < len(words)):
            content += table.take(indices)
        if not within:
            raise InputError("a dictionary index lies outside the dictionary")

    def add_columns(self, columns: "Sequence[Cells | None]", content: Hashes) -> None:
        """Add every column that is given, in the order of their names: float64, or indices and words; in one call where
        code is compiled.
        """
        if self._path == "numba":
            self._add_compiled(columns, content)
            return
        for name, cells in zip(self._columns, columns, strict=True):
            if isinstance(cells, tuple):
                self.add_words(name, *cells, content)
            elif cells is not None:
                self.add_numbers(name, cells, content)

    def _add_compiled(self, columns: "Sequence[Cells | None]", content: Hashes) -> None:
        from schemas.compiled_addresses import address
        from schemas.compiled_hash import NUMBERS, WORDS, add_columns

        sources, held, rows = list[tuple[int, int, int, int]](), list[object](), len(content)
        for keys, cells in zip(self._columns.values(), columns, strict=True):
            if cells is None:
                sources.append((0, 0, 0, 0))
            elif isinstance(cells, tuple):
                indices, table = contiguous(cells[0], np.int32), _table(keys, cells[1])
                sources.append((WORDS, address(indices, rows), address(table, len(table)), len(table)))
                held += (indices, table)
            else:
                values = contiguous(cells, np.float64)
                sources.append((NUMBERS, address(values, rows), 0, 0))
                held.append(values)
        if not add_columns(np.array(sources, dtype=np.int64).reshape(-1, 4), self._all_rounds, content):
            raise InputError("a dictionary index lies outside the dictionary")

    def add_missing(self, column: str, content: Hashes, *, words: bool) -> None:
        """Add a column that is missing throughout, as its kind of cells would be."""
        keys = self._columns[column]
        content += np.uint64(keys.missing) if words else _mixed(np.array([_NAN]), keys.rounds)

    def keys(self, content: Hashes, occurrence: Hashes | None = None) -> Hashes:
        """(rows,) hashes; ``occurrence`` (0 for the first) tells equal rows apart."""
        if occurrence is not None:
            content = content + occurrence * _GOLDEN
        if self._path == "numba":
            from schemas.compiled_hash import mixed

            return mixed(np.ascontiguousarray(content), *self._rounds)
        return _mixed(content.copy(), self._rounds)


def fastest() -> Path:
    """The path for those who hash for long."""
    return "numba" if find_spec("numba") is not None else "numpy"


def _column_keys(secret: bytes, name: str) -> _ColumnKeys:
    numbers = np.frombuffer(_digest(secret, b"numbers", name, 24), dtype="<u8")
    text = hashlib.blake2b(key=secret[:64], digest_size=8, person=b"perennial-words")
    text.update(_spelt(name))
    missing = int.from_bytes(_digest(secret, b"missing", name, 8), "little")
    return _ColumnKeys((numbers[0], numbers[1]), numbers[2], missing, text)


def _digest(secret: bytes, purpose: bytes, name: str, size: int) -> bytes:
    text = purpose + b"\x00" + _spelt(name)
    return hashlib.blake2b(text, key=secret[:64], digest_size=size, person=b"perennial-rows").digest()


def _spelt(name: str) -> bytes:
    """A name with its length ahead, so that no name and text together read as another name and text."""
    text = name.encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text


def _table(keys: _ColumnKeys, words: Sequence[str]) -> Hashes:
    """The hashes of words and of a missing cell; a few short tables are kept, for most columns have the same words in
    message after message.
    """
    if len(words) > _SHORT:
        return np.array([*_words(keys, words), keys.missing], dtype=np.uint64)
    found = keys.tables.get(tuple(words))
    if found is None:
        if len(keys.tables) >= _TABLES:
            keys.tables.clear()
        found = np.array([*_words(keys, words), keys.missing], dtype=np.uint64)
        keys.tables[tuple(words)] = found
    return found


def _words(keys: _ColumnKeys, words: Sequence[str]) -> list[int]:
    known = keys.known
    try:
        return [known[word] for word in words]
    except KeyError:
        if len(known) > _REMEMBERED:
            known.clear()
        known.update({word: _word(keys, word) for word in words if word not in known})
        return [known[word] for word in words]


def _word(keys: _ColumnKeys, word: str) -> int:
    state = keys.text.copy()
    state.update(word.encode("utf-8", "surrogatepass"))
    return int.from_bytes(state.digest(), "little")


def _bits(values: Numeric, missing: Bools | None, whole: np.uint64) -> Hashes:
    """64 bits for each number, always a new array."""
    # Adding zero makes 0.0 of -0.0, and a copy.
    bits: Hashes = (values + 0.0).view(np.uint64)
    if values.dtype.kind == "i":
        beyond = (values > _EXACT) | (values < -_EXACT)
        if beyond.any():
            _keep_exact(values, bits, beyond, whole)
        if missing is not None:
            bits[missing] = _NAN
    else:
        finite = np.isfinite(values)
        if not finite.all():
            bits[~finite] = _NAN
    return bits


def _keep_exact(values: Numeric, bits: Hashes, beyond: Bools, whole: np.uint64) -> None:
    """Large whole numbers that no float64 equals keep their own bits, under a key, for as numbers they mean others."""
    floats = bits.view(np.float64)
    # 2^63 is no int64: the conversion back must not meet it.
    fits = beyond & (floats < 2.0**63)
    exact = np.zeros(len(values), dtype=bool)
    exact[fits] = floats[fits].astype(np.int64) == values[fits]
    inexact = beyond & ~exact
    bits[inexact] = values[inexact].view(np.uint64) ^ whole


def _mixed(bits: Hashes, rounds: tuple[np.uint64, np.uint64]) -> Hashes:
    """Two keyed rounds of SplitMix64's finaliser, in place."""
    shifted = np.empty_like(bits)
    for key, shift, factor in zip(rounds, _SHIFTS, _FACTORS, strict=False):
        bits ^= key
        bits ^= np.right_shift(bits, shift, out=shifted)
        bits *= factor
    bits ^= np.right_shift(bits, _SHIFTS[2], out=shifted)
    return bits
