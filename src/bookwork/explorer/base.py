"""What every explorer shares: a real Jupyter widget that can also be written into a page.

In JupyterLab an explorer is an anywidget: its traits follow the sliders, it can be observed, set and nested.
Beside the widget it puts its module's name and its state into the output, from which the built page makes the
same live figure without a kernel, and for all other viewers HTML that is live by itself, and a text.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import traitlets

from bookwork.arguments import text
from bookwork.explorer.bundle import stylesheet, widget_module
from bookwork.explorer.schema import plain_json
from bookwork.explorer.standalone import standalone_html
from bookwork.palette import DEFAULT, Palette

MIME_TYPE = "application/vnd.ranking.explorer+json"
"""Of the output entry that holds module, state, alternative text and caption; JupyterLab ignores it."""

Texts = Mapping[str, str]

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def texts_of(package: str, module: str) -> dict[str, str]:
    """Texts of an explorer, from ``texts/MODULE.toml`` in a Python package.

    Raises:
        ValueError: if there is no such file, or something else in it than texts by their keys.
    """
    name = f"texts/{module}.toml of {package or 'no package'}"
    try:
        found = tomllib.loads(files(package).joinpath("texts", f"{module}.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, ModuleNotFoundError) as error:
        raise ValueError(f"{name} must hold the explorer's texts, or default_labels them: {error}") from error
    for key, value in found.items():
        text(f"{name}: {key}", value)
    return found


class Explorer(anywidget.AnyWidget):
    """Base of all explorers. A subclass names its module, its settings and its texts.

    Class attributes:
        module: name of its JavaScript module, in the folder ``js`` of the package that defines the class.
        package: the name of that one, found when the class is made.
        palette: its colours.
        settings: the traits that its controls move.
        arguments: the traits that may be given by position, in this order.
        default_labels: every text that it shows, by key; ``{name}`` in a text is filled in by the module. A
            class that sets none reads them from ``texts/MODULE.toml`` beside its Python file.

    Its traits are synchronised with the module and written into the page, but for those that are tagged
    ``explorer=False``: the page has none of these.
    """

    module: ClassVar[str]
    package: ClassVar[str]
    palette: ClassVar[Palette] = DEFAULT
    settings: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[tuple[str, ...]] = ()
    default_labels: ClassVar[Texts] = {}

    labels = traitlets.Dict(
        key_trait=traitlets.Unicode(), value_trait=traitlets.Unicode(), help="Every text shown, by key."
    ).tag(sync=True, explorer=True)
    start = traitlets.Dict(help="What the reset button goes back to.").tag(sync=True, explorer=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # anywidget's add_traits makes a subclass on the fly for every instance; only a class that names a
        # module or a palette itself is a new explorer.
        if "module" in cls.__dict__:
            for trait in vars(cls).values():
                if isinstance(trait, traitlets.TraitType):
                    trait.tag(sync=True, explorer=trait.metadata.get("explorer", True))
            cls.package = cls.__module__.partition(".")[0]
            cls._esm = widget_module(cls.package, cls.module)
            if "default_labels" not in cls.__dict__:
                cls.default_labels = texts_of(cls.__module__.rpartition(".")[0], cls.module)
        if "module" in cls.__dict__ or "palette" in cls.__dict__:
            cls._css = stylesheet(cls.palette)
        super().__init_subclass__(**kwargs)

    def __init__(
        self,
        *values: Any,
        labels: Texts | None = None,
        alt: str | None = None,
        caption: str = "",
        **traits: Any,
    ) -> None:
        """Set the traits, and remember the settings for the reset button.

        Args:
            values: of :attr:`arguments`.
            labels: texts that replace defaults, in another language for instance; keys as in
                ``default_labels``.
            alt: what a reader who cannot see the explorer needs to know; by default a sentence about it.
            caption: one or two sentences below the explorer, which only the built page shows.
            traits: the explorer's own traits, or those of any widget (``layout``).

        Raises:
            TypeError: for more values than arguments, or one that is given twice.
            ValueError: for an unknown label or trait.
            traitlets.TraitError: for a value that a trait does not allow.
        """
        named = dict(zip(self.arguments, values, strict=False))
        if len(values) > len(self.arguments) or named.keys() & traits:
            raise TypeError(
                f"{type(self).__name__} takes {self.arguments} by position, each once, "
                f"got {len(values)} values and {', '.join(traits) or 'no names'}"
            )
        traits |= named
        unknown = set(traits) - set(self.trait_names())
        if unknown:
            raise ValueError(
                f"{type(self).__name__} takes labels, alt, caption and traits; "
                f"got {', '.join(sorted(unknown))}"
            )
        self._alt, self.caption = alt, caption
        super().__init__(labels={**self.default_labels, **(labels or {})}, **traits)
        self.start = {name: getattr(self, name) for name in self.settings}

    @traitlets.validate("labels")
    def _check_labels(self, proposal: dict[str, Any]) -> dict[str, str]:
        labels = proposal["value"]
        unknown = set(labels) - set(self.default_labels)
        if unknown:
            raise ValueError(
                f"labels may hold {', '.join(self.default_labels)}; got {', '.join(sorted(unknown))}"
            )
        for key, shown in labels.items():
            allowed = sorted(set(_PLACEHOLDER.findall(self.default_labels[key])))
            unknown = set(_PLACEHOLDER.findall(shown)) - set(allowed)
            if unknown:
                raise ValueError(
                    f"labels[{key!r}] may hold {', '.join(allowed) or 'no names in braces'}; "
                    f"got {', '.join(sorted(unknown))}"
                )
        return labels

    @property
    def alt(self) -> str:
        """The alternative text."""
        return self.describe() if self._alt is None else self._alt

    def describe(self) -> str:
        """The alternative text where none was given: the text ``alt``, if there is one, with the facts."""
        if "alt" in self.labels:
            return self.labels["alt"].format(**self.facts())
        return f"{self.labels.get('title', type(self).__name__)} (interactive)."

    def facts(self) -> dict[str, Any]:
        """What is filled into the text ``alt``."""
        return {}

    def state(self) -> dict[str, Any]:
        """What the module reads, as plain JSON data."""
        names = self.trait_names(explorer=True)
        return plain_json("state", {name: getattr(self, name) for name in sorted(names)})

    def first_state(self) -> dict[str, Any] | None:
        """The part of a large state with which the module can begin, None where it needs the whole.

        The page loads the rest when a reader comes near, and sets the traits in which they differ.
        """
        return None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)
        return f"{type(self).__name__}({shown})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        state, first = self.state(), self.first_state()
        entry = {"module": self.module, "state": state, "alt": self.alt, "caption": self.caption}
        if first is not None:
            entry["first"] = plain_json("first_state", first)
        alone = standalone_html(
            self.package, self.module, state, alt=self.alt, caption=self.caption, palette=self.palette
        )
        return {**data, MIME_TYPE: entry, "text/html": alone, "text/plain": self.alt}, metadata
