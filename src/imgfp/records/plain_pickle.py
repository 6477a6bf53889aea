"""Reads pickles that hold plain data only: dicts, lists, tuples, strings, numbers and NumPy arrays of numbers.

The opcodes are interpreted here, by the table in `pickletools`. Nothing is imported or called by name: of the names that a
pickle contains, the few by which NumPy rebuilds arrays are recognised (`plain_arrays`), and every other one is refused.
"""

import codecs
import io
import pickletools
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.records.plain_arrays import Global, Pending, build, reduce, resolve

MAX_BYTES = 1 << 30
_VALUES_PER_BYTE, _FEW = 16, 1000  # a value takes at least a byte, unless it is shared
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_VALUES = _NUMBERS | _TEXTS | _BYTES
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_SIZED_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUT, _GET = {"PUT", "BINPUT", "LONG_BINPUT"}, {"GET", "BINGET", "LONG_BINGET"}
_IGNORED = {"PROTO", "FRAME"}
_MARK = object()


def read_plain_pickle(path: Path) -> Any:
    """The content of a pickle that holds plain data only; byte strings of Python 2 are read as Latin-1 text.

    Raises:
        InputError: no such file, a damaged or too large one, or one that holds anything else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file: give a pickle")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES} bytes: not a file of ground truth or of a PCA")
    try:
        data = path.read_bytes()
        return resolve(_Machine(data).run(), _VALUES_PER_BYTE * len(data) + _FEW)
    except InputError as error:
        raise InputError(
            f"{path}: {error}: only dicts, lists, strings, numbers and arrays of numbers are read"
        ) from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path}: the pickle is damaged or truncated ({type(error).__name__}): download it again"
        ) from None


class _Machine:
    """The stack and the memo of a pickle that is being read."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Interprets the opcodes up to the last one."""
        while True:
            opcode = _OPCODES[self.file.read(1).decode("latin-1")]
            if opcode.name == "STOP":
                (value,) = self.stack
                return value
            self._step(opcode.name, self._argument(opcode))

    def _argument(self, opcode: Any) -> Any:
        if opcode.name == "STRING":  # pickletools decodes it as ASCII, but Python 2 stores arrays in it
            text = self.file.readline().strip()
            if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
                raise ValueError("a string without quotes")
            return codecs.escape_decode(text[1:-1])[0].decode("latin-1")
        return None if opcode.arg is None else opcode.arg.reader(self.file)

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _SIZED_TUPLES:
            stack.append(tuple(self._take(_SIZED_TUPLES[name])))
        elif name in ("TUPLE", "LIST"):
            stack.append((tuple if name == "TUPLE" else list)(self._marked()))
        elif name == "DICT":
            stack.append(_pairs(self._marked()))
        elif name in ("APPEND", "APPENDS"):
            items = self._marked() if name == "APPENDS" else self._take(1)
            _of(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._marked() if name == "SETITEMS" else self._take(2)
            _of(stack[-1], dict).update(_pairs(items))
        elif name in _PUT:
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in _GET:
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            stack.append(Global.named(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            stack.append(Global.named(*self._take(2)))
        elif name == "REDUCE":
            function, arguments = self._take(2)
            stack.append(reduce(function, _of(arguments, tuple)))
        elif name == "BUILD":
            (state,) = self._take(1)
            build(_of(stack[-1], Pending), _of(state, tuple))
        elif name not in _IGNORED:
            raise InputError(f"the pickle holds more than plain data (opcode {name})")

    def _take(self, count: int) -> list[Any]:
        """The last values on the stack, removed."""
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        taken = self.stack[-count:]
        del self.stack[-count:]
        if _MARK in taken:
            raise ValueError("a mark in the place of a value")
        return taken

    def _marked(self) -> list[Any]:
        """The values above the last mark, removed with it."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise IndexError("no mark")
        taken = self.stack[at + 1 :]
        del self.stack[at:]
        return taken


def _of(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} in the place of a {kind.__name__}")
    return value


def _pairs(items: list[Any]) -> dict[Any, Any]:
    if any(not isinstance(key, str | int | float) for key in items[::2]):
        raise TypeError("a key that is neither text nor a number")
    return dict(zip(items[::2], items[1::2], strict=True))
