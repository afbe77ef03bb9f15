"""Traits that refuse bad settings."""

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

import traitlets


class _Between(traitlets.TraitType[Any, Any]):
    def __init__(self, default: float, low: float, high: float, **kwargs: Any) -> None:
        self.low, self.high = low, high
        super().__init__(default, **kwargs)


class Share(_Between):
    """A number between two bounds, both included; NaN and booleans are refused.

    A number beside a bound by no more than the rounding of float32 is that bound: ``np.float32(0.01)`` lies
    just below 0.01.
    """

    def validate(self, obj: Any, value: Any) -> float:
        if isinstance(value, Real) and not isinstance(value, bool):
            number = float(value)
            for bound in (self.low, self.high):
                if math.isclose(number, bound, rel_tol=1e-7):
                    return bound
            if self.low < number < self.high:
                return number
        raise traitlets.TraitError(
            f"{self.name} must be a number from {self.low} to {self.high}, got {value!r}"
        )


class Count(_Between):
    """A whole number between two bounds, both included; booleans are refused."""

    def validate(self, obj: Any, value: Any) -> int:
        whole = isinstance(value, Real) and not isinstance(value, bool) and value == value // 1
        if not whole or not self.low <= value <= self.high:
            raise traitlets.TraitError(
                f"{self.name} must be a whole number from {self.low} to {self.high}, got {value!r}"
            )
        return int(value)


class Named(traitlets.TraitType[dict[str, Any], dict[str, Any]]):
    """One value per name, each checked by a trait of its own: ``{"click": 1.0, "like": 2.0}``.

    The names are those of the default; or where they follow the explorer's data, what its attribute
    ``names_in`` holds of them.
    """

    def __init__(
        self,
        default: Mapping[str, Any],
        each: traitlets.TraitType[Any, Any],
        names_in: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.names_in = names_in
        self.each: Any = each  # traitlets does not tell of ``validate``, which every trait may have
        super().__init__(dict(default), **kwargs)

    def default(self, obj: Any = None) -> dict[str, Any]:
        return {name: self.default_value[name] for name in self._names(obj)}

    def _names(self, obj: Any) -> Iterable[str]:
        if self.names_in is None or obj is None:
            return self.default_value.keys()
        names: Iterable[str] = getattr(obj, self.names_in)
        return names

    def validate(self, obj: Any, value: Any) -> dict[str, Any]:
        names = tuple(self._names(obj))
        if not isinstance(value, Mapping) or set(value) != set(names):
            raise traitlets.TraitError(
                f"{self.name} must map exactly the names {', '.join(names)}, got {value!r:.120}"
            )
        checked = {}
        for name in names:
            self.each.name = f"{self.name}[{name!r}]"
            checked[name] = self.each.validate(obj, value[name])
        return checked


class Checked(traitlets.TraitType[Any, Any]):
    """What a function keeps of a value; its ValueError says what is not allowed."""

    def __init__(self, check: Callable[[Any], Any], default: Any = None, **kwargs: Any) -> None:
        self.check = check
        super().__init__(default, allow_none=default is None, **kwargs)

    def validate(self, obj: Any, value: Any) -> Any:
        return self.check(value)
