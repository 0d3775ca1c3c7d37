"""Shapes of what the gateway answers: checked where the answers are built, and published in `/openapi.json`."""

from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12


class NearestExampleShape(TypedDict):
    """A known prompt near the one judged."""

    text: str
    category: str
    similarity: float


class TimingsShape(TypedDict):
    """Where the classifier's time went, milliseconds."""

    tokenize: float
    queue: float
    embed: float
    total: float


class ClassificationShape(TypedDict):
    """What kind of work the prompt is. Null: not known. unsure: too doubtful to save money by."""

    category: str | None
    difficulty: str | None
    ms: float | None
    primary_use_case: str | None
    complexity_score: float | None
    creativity_score: float | None
    domain_confidence: float | None
    ml_confidence: float | None
    classification_method: str
    category_probabilities: dict[str, float]
    b: float | None
    a: float | None
    matched_rules: list[str]
    nearest_examples: list[NearestExampleShape]
    skills: dict[str, float]
    unsure: bool
    cache: str
    encoder: str | None
    version: str | None
    timings_ms: TimingsShape


class ModelRefShape(TypedDict):
    """A model by name."""

    id: str
    provider: str
    display_name: str


class RankedModelShape(ModelRefShape):
    """A model by name and place."""

    location: str


class TermsShape(TypedDict):
    """The sum behind a score, USD."""

    value: float
    cost: float
    latency: float


class CandidateShape(TypedDict):
    """A model that may answer, with the numbers that placed it and where each comes from."""

    rank: int
    model: RankedModelShape
    score: float
    success_probability: float
    expected_cost_usd: float | None
    expected_latency_ms: float
    expected_output_tokens: int
    availability: float
    terms: TermsShape
    sources: dict[str, str]
    reasons: list[str]


class ExclusionShape(TypedDict):
    """A model that may not answer."""

    model: str
    reason: str
    message: str


class WhyShape(TypedDict):
    """The decision in plain words, and what would change it."""

    summary: str
    flips: list[str]


class EstimatedTokensShape(TypedDict):
    """Tokens of rank 1, estimated."""

    input: int
    output: int


class ExperimentShape(TypedDict):
    """The experiment that matched, and why it did not enrol where it did not."""

    id: str
    note: str | None


class RecommendationShape(TypedDict):
    """Answer to `POST /route` in mode recommend."""

    request_id: str
    decision_id: str
    classification: ClassificationShape
    recommended_model: ModelRefShape
    ranking: list[CandidateShape]
    excluded: list[ExclusionShape]
    why: WhyShape
    policy: str
    estimated_tokens: EstimatedTokensShape
    degraded: list[str]
    catalog_version: int
    experiment: ExperimentShape | None


class AttemptShape(TypedDict):
    """One call to one provider. purpose: "answer", or "judge" of the prompt. A cost of null: its price is unknown."""

    purpose: str
    model: str
    provider: str
    outcome: str
    latency_ms: float
    cost_usd: float | None


class OutcomeShape(TypedDict):
    """What a generated answer adds to the recommendation, and what the event `done` holds."""

    response: str | None
    selected_model: str
    message: dict[str, object]
    finish_reason: str
    usage: dict[str, object]
    cost_usd: float | None
    latency_ms: float
    time_to_first_token_ms: float | None
    attempts: list[AttemptShape]
    processed_at: str
    conversation_id: str | None
    file_processed: bool | None
    file_processing_error: str | None
    cause: str
    settled: bool
    billed_to: str


class GenerationShape(RecommendationShape, OutcomeShape):
    """Answer to `POST /route` in mode generate."""


class MetadataShape(TypedDict):
    """`pointsman_metadata`: how an OpenAI answer came to be."""

    request_id: str
    decision_id: str
    model: str
    provider: str
    policy: str
    category: str | None
    difficulty: str | None
    confidence: float | None
    unsure: bool
    cause: str
    fallbacks: int
    degraded: list[str]
    catalog_version: int
    cost_usd: float | None
    billed_to: str
    settled: bool
    attempts: list[AttemptShape]


class LeftOutShape(TypedDict):
    """How many entries a decision of a huge catalogue was kept without."""

    ranking: int
    excluded: int


class DecisionShape(RecommendationShape):
    """Answer to `GET /v1/decisions/{id}`.

    constraints: those that were asked for, as `POST /route` takes them. left_out: null where the decision was kept whole.
    """

    constraints: dict[str, object]
    left_out: LeftOutShape | None
    cause: str
    created_at: str
