"""Arrays in files: `.npy`, `.npz` and JSON in, `.npz` out.

JSON has no dtypes: a number takes that of the input, where it can hold it exactly as written or as the nearest float.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from tenuto_backend.reference.dtypes import BOOL, FLOATING, DType
from tenuto_backend.reference.values import Array
from tenuto_backend.runtime.base import Interface, Port, WrongInput
from tenuto_backend.runtime.inputs import integer_limits, known_port
from tenuto_backend.runtime.sizes import shown_type

# What NumPy and the standard library raise for a file that is not as it should be.
_DAMAGE = (ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, KeyError)


def one(interface: Interface, name: str, text: str) -> Array:
    """An input from the command line: the path of a `.npy`, or JSON."""
    port = known_port(interface, name)
    if text.endswith(".npy"):
        return _typed(port, _load(text))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"`{name}` is neither a .npy file nor JSON: {error}") from error
    return from_json(port, value)


def many(interface: Interface, path: str) -> dict[str, Array]:
    """Inputs from a file: arrays by name in a `.npz`, or an object in a `.json`."""
    if path.endswith(".npz"):
        return {name: _typed(known_port(interface, name), array) for name, array in _load_all(path)}
    if not path.endswith(".json"):
        raise WrongInput(f"`{path}`: inputs come from a .npz or a .json")
    try:
        value = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise WrongInput(f"`{path}` is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongInput(f'`{path}` is no object of inputs by name, {{"name": ...}}')
    return {name: from_json(known_port(interface, name), item) for name, item in value.items()}


def from_json(port: Port, value: object) -> Array:
    """Nested lists of numbers as an array of the input's dtype."""
    dtype, shape = port.dtype, _shape(port, value)
    elements = list(_elements(value))
    for element in elements:
        _refuse_element(port, dtype, element)
    numbers = np.asarray(elements, np.float64 if dtype in FLOATING else None)
    return numbers.astype(dtype).reshape(shape)


def packed(arrays: Mapping[str, Array]) -> bytes:
    """The arrays as the bytes of a `.npz`."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as opened:
        for name, array in arrays.items():
            with opened.open(f"{name}.npy", "w", force_zip64=True) as member:
                # NumPy's format knows its own dtypes only; others keep their bytes.
                own = array if array.dtype.isbuiltin == 1 else array.view(np.dtype(f"V{array.dtype.itemsize}"))
                npy.write_array(member, own, allow_pickle=False)
    return whole.getvalue()


def _load(path: str) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise _unreadable(path, error) from error
    except _DAMAGE as error:
        raise WrongInput(f"`{path}` is no array in NumPy's format: {error}") from error
    if not isinstance(found, np.ndarray):
        raise WrongInput(f"`{path}` holds several arrays: give it with --inputs")
    return found


def _load_all(path: str) -> list[tuple[str, Array]]:
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return [(name, loaded[name]) for name in loaded.files]
    except OSError as error:
        raise _unreadable(path, error) from error
    except (*_DAMAGE, AttributeError, TypeError) as error:
        raise WrongInput(f"`{path}` is no .npz file: {error}") from error


def _unreadable(path: str, error: OSError) -> WrongInput:
    return WrongInput(f"cannot read `{path}`: {error.strerror or error}")


def _typed(port: Port, array: Array) -> Array:
    """Bytes of a dtype that NumPy's format does not know get it back; the byte order is the machine's."""
    wanted = port.dtype
    if array.dtype.kind == "V" and array.dtype.names is None and array.dtype.itemsize == wanted.itemsize:
        return array.view(wanted)
    return array.astype(array.dtype.newbyteorder("="))


def _shape(port: Port, value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    shapes = {_shape(port, item) for item in value}
    if len(shapes) > 1:
        raise WrongInput(f"`{port.name}` is not {shown_type(port)}: its lists have different lengths")
    return (len(value), *(shapes.pop() if shapes else ()))


def _elements(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            yield from _elements(item)
    else:
        yield value


def _refuse_element(port: Port, dtype: DType, element: object) -> None:
    if dtype == BOOL:
        right = isinstance(element, bool)
    elif dtype in FLOATING:
        right = isinstance(element, int | float) and not isinstance(element, bool)
    else:
        least, greatest = integer_limits(port)
        right = isinstance(element, int) and not isinstance(element, bool) and least <= element <= greatest
    if not right:
        raise WrongInput(f"`{port.name}` is {shown_type(port)}, and {json.dumps(element)} is no {port.type.dtype}")
