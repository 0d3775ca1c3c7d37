"""The provider's own bill, made apart from the product's arithmetic so that one can check the other."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """Pico-dollars per token, which are micro-dollars per million tokens."""

    input_picousd: int = 0
    output_picousd: int = 0
    cached_input_picousd: int | None = None  # None: as any input

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        values: tuple[object, ...] = (self.input_picousd, self.output_picousd, self.cached_input_picousd or 0)
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError("a price is a whole number of pico-dollars per token, 0 or more")


def prices_from_json(document: object) -> dict[str, ModelPrice]:
    """{"model": {"input_picousd": 150000, "output_picousd": 600000}} as prices; ValueError for anything else."""
    if not isinstance(document, dict):
        raise ValueError("prices are an object of models")  # one kind of error for one kind of document
    try:
        return {str(model): ModelPrice(**price) for model, price in document.items()}
    except TypeError as exc:
        raise ValueError(f"prices: {exc}") from exc


@dataclass(slots=True)
class Work:
    """What was done for one request. `usage_delivered` tells whether its caller was sent these figures."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    usage_delivered: bool = False


@dataclass(slots=True)
class Bill:
    """Everything that the provider asks money for, in the order of its requests."""

    prices: dict[str, ModelPrice] = field(default_factory=dict)
    entries: list[Work] = field(default_factory=list)

    def cost_nanousd(self, work: Work) -> int:
        """The sum in pico-dollars, rounded up once; 0 where the model has no price."""
        price = self.prices.get(work.model, ModelPrice())
        cached_picousd = price.input_picousd if price.cached_input_picousd is None else price.cached_input_picousd
        total = (work.prompt_tokens - work.cached_tokens) * price.input_picousd
        total += work.cached_tokens * cached_picousd + work.completion_tokens * price.output_picousd
        whole, rest = divmod(total, 1000)
        return whole + (1 if rest else 0)

    def as_json(self) -> Mapping[str, object]:
        """The entries with their costs, and the sums."""
        entries = [{**asdict(work), "cost_nanousd": self.cost_nanousd(work)} for work in self.entries]
        return {
            "entries": entries,
            "prompt_tokens": sum(work.prompt_tokens for work in self.entries),
            "completion_tokens": sum(work.completion_tokens for work in self.entries),
            "total_nanousd": sum(self.cost_nanousd(work) for work in self.entries),
        }
