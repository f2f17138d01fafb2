"""The second page of training: the adapter's name, the knobs, and what each method would need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Select

from adapters.errors import TrainingError as AdaptersError
from adapters.training.recipe import Method, Objective, Recipe
from assistant.safe_text import safe_text
from assistant.tui.keys import with_keys
from assistant.tui.recipe_text import FIELDS, METHOD_NAMES, parse_recipe, plan_content
from assistant.tui.told import told
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from adapters.data.dataset import Card
    from assistant.training_plan import Plan, TrainRequest

OBJECTIVES: dict[str, Objective] = {"preferences": "preferences", "ratings": "ratings"}
HINTS = {"replay": "for each row", "pull": "to the base"}


class RecipePane(Container):
    """A form whose fields are empty where the default holds."""

    class Changed(Message):
        """Something else would be trained."""

    def __init__(self) -> None:
        super().__init__(id="recipe")
        self._card: Card | None = None

    def compose(self) -> ComposeResult:
        """The form, then what it needs."""
        default = Recipe()
        with Container(id="fields"):
            yield from _field("Adapter", Input(id="adapter-name", compact=True, placeholder="its name"))
            methods = [(name, method) for method, name in METHOD_NAMES.items()]
            yield from _field(
                "Method", Select[Method](methods, value="lora", allow_blank=False, id="method", compact=True)
            )
            for name, label in FIELDS.items():
                yield from _field(label, Input(id=f"knob-{name}", compact=True, placeholder=_hint(default, name)))
            yield from _field("More", Input(id="more", compact=True, placeholder="KEY=VALUE … from=ADAPTER"))
        with MovingScroll(id="needs"):
            yield Plain(id="recipe-told")
            yield Plain(id="plan")

    def choose(self, card: Card) -> None:
        """Train on this dataset; the adapter takes its name, unless it was given one."""
        name = self.query_one("#adapter-name", Input)
        if not name.value or (self._card is not None and name.value == self._card.name):
            name.value = card.name
        self._card = card
        default = Recipe(objective=OBJECTIVES.get(card.kind, "answers"))
        for knob in FIELDS:
            self.query_one(f"#knob-{knob}", Input).placeholder = _hint(default, knob)
        self.post_message(self.Changed())

    @property
    def has_data(self) -> bool:
        """Whether a dataset is chosen."""
        return self._card is not None

    def call(self, name: str) -> None:
        """Call the adapter so."""
        self.query_one("#adapter-name", Input).value = name

    def focus_form(self) -> None:
        """The keys go to the name."""
        self.query_one("#adapter-name", Input).focus()

    def request(self) -> TrainRequest:
        """What is to be trained.

        Raises:
            adapters.errors.TrainingError: a field that cannot be, or no dataset.
        """
        from assistant.training_plan import TrainRequest

        if self._card is None:
            raise AdaptersError("No dataset is chosen.", "Choose one on page 1 with Enter.")
        knobs = {name: self.query_one(f"#knob-{name}", Input).value for name in FIELDS}
        method = str(self.query_one("#method", Select).value)
        recipe, base, begin = parse_recipe(method, knobs, self.query_one("#more", Input).value)
        name = self.query_one("#adapter-name", Input).value.strip()
        return TrainRequest(name or self._card.name, self._card.name, recipe, base, begin)

    def show_plan(self, plan: Plan) -> None:
        """What it would need."""
        self.tell("")
        self._update("plan", plan_content(plan))

    def show_problem(self, error: Exception) -> None:
        """Why there is no plan."""
        self.tell("")
        self._update("plan", Content.styled(safe_text(told(error)), "$text-error"))

    def tell(self, text: str) -> None:
        """What is going on."""
        data = f"data {self._card.name}, {sum(self._card.rows.values()):,} rows" if self._card else "no dataset chosen"
        self._update("recipe-told", safe_text(f"{data} · {text or with_keys(self.app, '{train.start} starts')}"))

    def _update(self, name: str, content: Content | str) -> None:
        """Not more than nothing where the screen was left meanwhile."""
        for part in self.query(f"#{name}").results(Plain):
            part.update(content)

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())


def _hint(default: Recipe, name: str) -> str:
    """What holds where a field is left empty."""
    known = {"epochs": default.passes, "learning_rate": default.rate, "pull": default.distance_weight}
    return f"{known.get(name, getattr(default, name)):g}  {HINTS.get(name, '')}"


def _field(label: str, field: Input | Select[Method]) -> ComposeResult:
    with Horizontal(classes="field"):
        yield Plain(label, classes="field-name")
        yield field
