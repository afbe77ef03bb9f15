"""Every argument of every public door, spoilt in every way: a right result, or an error that names it.

Doors and examples come from :mod:`public_doors`. ``pytest -k fusion`` sweeps one room.
"""

import contextlib
import copy
import re
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any
from unittest import mock

import faiss
import numpy as np
import pandas as pd
import pytest
import torch
from public_doors import CALLS, EXEMPT, NAMES, SELVES, Missing, doors, example, exempt, parameters

ALLOWED: dict[tuple[str, str], str] = {
    ("calibration.sampling.downsample_negatives", "rng: a number"): "a seed",
    ("funnel.re_ranking.scatter_order", "keys: ['author'] texts"): "texts tell authors apart, too",
    ("funnel.re_ranking.broken_rules", "keys: ['author'] texts"): "texts tell authors apart, too",
    ("funnel.stages.similarity_vectors", "topics: texts"): "texts tell topics apart, too",
    ("funnel.stages.similarity_of", "topics: texts"): "texts tell topics apart, too",
    ("logs.features.FeatureTable", "dense: NaN"): "training and predicting refuse it, and name the column",
    ("logs.features.FeatureTable", "dense: infinity"): "the same",
    ("watch_time.completion.known_duration", "duration: NaN"): "one that is not known, which it looks for",
}
"""Spoilt arguments that are taken, by door and by argument with the way of spoiling it, each with why."""

NARROW = ("uint8", "int8", "uint16", "int16", "int32")
OTHERS = {"a number": 3, "a text": "word", "an object": object(), "None": None}


SWEPT = [name for name in doors() if not exempt(name)]


# --- ways to spoil an argument ----------------------------------------------------------------------


def _spoilt(value: Any) -> dict[str, Any]:
    """Values that no door may take in place of this one."""
    if isinstance(value, (bool, np.bool_)):
        return {"'no'": "no", "1": 1, "NaN": np.nan, "two flags": np.array([True, False]), "None": None}
    if isinstance(value, (int, float)):
        found = {"NaN": np.nan, "infinity": np.inf, "digits": str(value), "complex": complex(value)}
        found |= {"a pair": [value, value], "a set": {value}, "a generator": (v for v in [value])}
        found |= {"masked": np.ma.array(value, mask=True), "a date": np.datetime64("2024-09-30")}
        found |= {"a span": np.timedelta64(3, "s"), "bytes": b"3", "no number": pd.NA}
        found |= {"half more": value + 0.5, "a flag": True} if isinstance(value, int) else {}
        return found | {what: OTHERS[what] for what in ("a text", "an object", "None")}
    if isinstance(value, str):
        return {"a list": [value]} | {what: OTHERS[what] for what in ("a number", "an object", "None")}
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return _spoilt_array(value)
    if isinstance(value, tuple):
        found = {"a generator": (v for v in value), "objects": (object(),)}
        found |= {"NaN": (np.nan,)}
        if not any(isinstance(v, np.ndarray) for v in value):  # which cannot be members or keys
            found |= {"a set": set(value), "a dict": dict.fromkeys(value, 1)}
        return found | OTHERS
    if isinstance(value, Mapping):
        name, inside = next(iter(value.items()))
        nested = {f"[{name!r}] {what}": {**value, name: bad} for what, bad in _spoilt(inside).items()}
        return nested | {"names alone": list(value), "a set": set(value)} | OTHERS
    return OTHERS


def _spoilt_array(value: Any) -> dict[str, Any]:
    array = np.asarray(value)
    if array.dtype == bool:
        return {"texts": array.astype(str), "a generator": (v for v in array), "a text": "word"}
    flat = array.ravel().tolist()
    found = {"texts": array.astype(str), "complex": array.astype(complex), "a set": set(flat)}
    found |= {"dates": array.astype("datetime64[s]"), "masked": np.ma.array(array, mask=array == flat[-1])}
    found |= {"a generator": (v for v in flat), "a dict": dict(enumerate(flat))}
    found |= {"an object": np.full(array.shape, object())}
    if array.dtype.kind == "f":
        for what, bad in {"NaN": np.nan, "infinity": np.inf}.items():
            found[what] = array.copy()
            found[what].flat[-1] = bad
    else:
        found["halves"] = array + 0.5
    if isinstance(value, torch.Tensor):
        found = {
            what: torch.as_tensor(found[what]) for what in ("complex", "NaN", "infinity") if what in found
        }
        found |= {"a list": value.tolist(), "an array": array}
    return {what: OTHERS[what] for what in ("a text", "an object", "None")} | found


def _alike(value: Any) -> dict[str, Any]:
    """The same value in another form: to be taken for the same, or refused."""
    if isinstance(value, (bool, np.bool_)):
        return {"np.bool_": np.bool_(value)}
    if isinstance(value, (int, float)):
        found: dict[str, Any] = {"0-d": np.array(value), "tensor": torch.tensor(value, dtype=torch.float64)}
        if value == int(value):
            found |= {kind: np.dtype(kind).type(value) for kind in NARROW if 0 <= value <= np.iinfo(kind).max}
            found["int"] = int(value)
        if value == np.float32(value):
            found["float32"] = np.float32(value)
        return found | {"float": float(value), "Fraction": Fraction(value)}
    if isinstance(value, np.ndarray):
        found = {"list": value.tolist(), "tuple": tuple(value.tolist()), "tensor": torch.tensor(value)}
        found |= {"strided": np.repeat(value, 2, axis=0)[::2], "object": value.astype(object)}
        found |= {"read-only": value.copy(), "big-endian": value.astype(value.dtype.newbyteorder(">"))}
        found["read-only"].setflags(write=False)
        if value.ndim > 1:
            found["Fortran"] = np.asfortranarray(value)
        else:  # numbered otherwise than its rows
            found["Series"] = pd.Series(value, np.arange(len(value)) + 10)
        if value.dtype != bool and np.array_equal(value, np.round(value)) and value.min() >= 0:
            fits = [kind for kind in NARROW if value.max() <= np.iinfo(kind).max]
            found |= {kind: value.astype(kind) for kind in [*fits, "int64", "uint64"]}
            if value.max() <= 1:
                found["bool"] = value.astype(bool)
        if np.array_equal(value, value.astype(np.float32)):
            found["float32"] = value.astype(np.float32)
        return found
    if isinstance(value, torch.Tensor):
        return {"strided": value.repeat_interleave(2, dim=0)[::2]}
    if isinstance(value, tuple):
        array = np.array(value)
        return {"list": list(value)} | ({} if array.dtype == object else {"array": array}) if value else {}
    if isinstance(value, Mapping) and value:
        name, inside = next(iter(value.items()))
        return {f"[{name!r}] {what}": {**value, name: other} for what, other in _alike(inside).items()}
    return {}


def _arrays(call: dict[str, Any]) -> dict[str, Any]:
    return {name: v for name, v in call.items() if isinstance(v, (np.ndarray, torch.Tensor)) and v.ndim}


def _mismatched(call: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """One row fewer of each array that others must match."""
    arrays = _arrays(call)
    for name, value in arrays.items():
        if any(len(other) == len(value) for of, other in arrays.items() if of != name):
            yield name, value[:-1]


# --- calling, and what may come of it ---------------------------------------------------------------


def _called(name: str, call: dict[str, Any]) -> Any:
    """What a door gives: generators run through, contexts entered; the arguments must stay as they are."""
    keep = {key: _kept(value) for key, value in call.items()}
    changing = (np.random.Generator, torch.Generator, torch.nn.Module)  # by being used
    given = {k: copy.deepcopy(v) if isinstance(v, changing) else v for k, v in call.items()}
    with warnings.catch_warnings(), mock.patch("time.perf_counter", return_value=0.0):
        warnings.simplefilter("error", RuntimeWarning)
        torch.manual_seed(0)  # for the first weights of models
        result = doors()[name](**given)
        if isinstance(result, contextlib.AbstractContextManager):
            with result:
                pass
        if isinstance(result, types.GeneratorType):
            result = list(result)
    changed = [key for key, before in keep.items() if not _same(before, call[key])]
    assert not changed, f"changed its arguments {changed}"
    return result


def _kept(value: Any) -> Any:
    """A copy of what a door could change."""
    if isinstance(value, Mapping):
        return {key: _kept(inside) for key, inside in value.items()}
    return copy.deepcopy(value) if isinstance(value, (np.ndarray, list)) else value


def _fault(
    name: str, call: dict[str, Any], names: Iterable[str], good: Callable[[Any], bool] = lambda result: False
) -> str | None:
    """What is wrong with what came of it: no good result, and no ``ValueError`` with one of the names."""
    try:
        result = _called(name, call)
    except ValueError as error:
        named = any(re.search(rf"\b{one}\b", str(error)) for one in names)
        return None if named else f"does not name it: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if good(result) else f"taken: {result!r:.60}"


def _leaves(value: Any, seen: tuple[int, ...] = ()) -> Iterator[Any]:
    """The numbers and texts that anything holds, in order."""
    if isinstance(value, torch.Tensor):
        yield value.detach().double().numpy()
    elif isinstance(value, faiss.Index):
        yield faiss.serialize_index(value)
    elif isinstance(value, (pd.DataFrame, Mapping)):
        for key in value:
            yield key
            yield from _leaves(value[key], seen)
    elif isinstance(value, (list, tuple)) and not all(isinstance(v, (int, float)) for v in value):
        for part in value:
            yield from _leaves(part, seen)
    elif isinstance(value, torch.nn.Module):
        yield from _leaves(value.state_dict(), seen)
    elif hasattr(value, "__dict__") and not callable(value) and not isinstance(value, pd.Series | pd.Index):
        if id(value) not in seen:
            yield from _leaves(vars(value), (*seen, id(value)))
    elif not callable(value):
        yield np.asarray(value)


def _same(one: Any, other: Any) -> bool:
    first, second = list(_leaves(one)), list(_leaves(other))
    return len(first) == len(second) and all(map(_same_leaf, first, second))


def _same_leaf(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind in "biuf" and b.dtype.kind in "biuf":
        return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True))
    return bool(
        a.shape == b.shape and all(x is y or x == y or x != x for x, y in zip(a.flat, b.flat, strict=True))
    )


# --- the sweep --------------------------------------------------------------------------------------


def _given(
    name: str, call: dict[str, Any], spoil: Callable[[Any], dict[str, Any]]
) -> Iterator[tuple[str, str, Any]]:
    """Every argument but the object itself, spoilt in every way: its name, the way, the value."""
    for key in parameters(doors()[name]):
        if key in call and key != "self":
            yield from ((key, what, value) for what, value in spoil(call[key]).items())


@pytest.mark.parametrize("name", SWEPT)
def test_spoilt_arguments_are_refused_by_name(name):
    call, taken, faults = example(name), parameters(doors()[name]), {}
    _called(name, call)
    for key, what, bad in _given(name, call, _spoilt):
        optional = bad is None and taken[key].default is None
        if not optional and (name, f"{key}: {what}") not in ALLOWED:
            faults[key, what] = _fault(name, {**call, key: bad}, [key])
    for key, bad in _mismatched(call):
        faults[key, "one row fewer"] = _fault(name, {**call, key: bad}, _arrays(call))
    _none(faults)


@pytest.mark.parametrize("name", SWEPT)
def test_other_forms_of_an_argument_give_the_same_or_are_refused(name):
    call, faults = example(name), {}
    right = _called(name, call)
    for key, what, other in _given(name, call, _alike):
        faults[key, what] = _fault(name, {**call, key: other}, [key], lambda result: _same(result, right))
    for key, value in _arrays(call).items():
        for what, other in {"no rows": value[:0], "one row": value[:1], "a number": 3}.items():
            faults[key, what] = _fault(name, {**call, key: other}, call, lambda result: True)
    _none(faults)


def _none(faults: dict[tuple[str, str], str | None]) -> None:
    found = [f"{key}: {what}: {fault}" for (key, what), fault in faults.items() if fault]
    assert not found, f"{len(found)} of {len(faults)}:\n" + "\n".join(found)


# --- nothing is left out in silence -----------------------------------------------------------------


def test_every_public_door_has_an_example_or_a_reason():
    lacking = []
    for name in SWEPT:
        try:
            example(name)
        except Missing as error:
            lacking.append(f"{name}: {error}")
    assert not lacking, "\n".join(lacking)


def test_no_exemption_and_no_example_is_stale():
    assert not [start for start in EXEMPT if not any(start in exempt(name) for name in doors())]
    assert not [name for name in CALLS if name not in doors() or exempt(name)]
    assert not [(name, what) for name, what in ALLOWED if name not in doors()]
    used = {key for name in doors() if not exempt(name) for key in parameters(doors()[name])}
    assert not [key for key in NAMES if key not in used]
    assert not [key for key in SELVES if not any(f".{key}." in name for name in doors())]


def test_the_sweep_finds_a_careless_door(monkeypatch):
    def careless(values, normalised):
        array = np.asarray(values)
        return array.sum(dtype=array.dtype) / (array.size if normalised else 1)

    monkeypatch.setitem(doors(), "fusion.careless", careless)
    monkeypatch.setitem(CALLS, "fusion.careless", {"values": np.array([90, 100]), "normalised": False})
    with pytest.raises(AssertionError) as spoilt:
        test_spoilt_arguments_are_refused_by_name("fusion.careless")
    for fault in ("values: masked: taken", "values: a set: TypeError", "normalised: 'no': taken"):
        assert fault in str(spoilt.value)
    with pytest.raises(AssertionError, match="values: int8: taken") as others:
        test_other_forms_of_an_argument_give_the_same_or_are_refused("fusion.careless")
    assert "uint8" not in str(others.value)  # which holds 190
    monkeypatch.setitem(doors(), "fusion.careless", lambda values, normalised: values.sort())
    monkeypatch.setitem(CALLS, "fusion.careless", {"values": np.array([3, 1]), "normalised": False})
    with pytest.raises(AssertionError, match=r"changed its arguments \['values'\]"):
        test_spoilt_arguments_are_refused_by_name("fusion.careless")
