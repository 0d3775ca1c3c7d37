"""Whether a provider can be called at all, and which setting would change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointsman.executor.core.catalog import Catalog, Model, Provider, ProviderKind, is_listed

ENV_PREFIX = "env:"
FILE_PREFIX = "file:"


class DemoMode(StrEnum):
    """When the scripted provider answers. AUTO: only while no other provider can be called."""

    AUTO = "auto"
    TRUE = "true"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Callability:
    """Whether a provider can be called. reason: why not; None: it can. needs_key: only its own key stands in the way.

    listed: the models that its free listing names; None: it has no listing, or none has come.
    """

    reason: str | None = None
    needs_key: bool = False
    listed: frozenset[str] | None = None

    def refusal_of(self, model: Model, *, with_own_key: bool) -> str | None:
        """Why the model can not be called; None: it can."""
        if self.reason is not None:
            return self.reason if with_own_key or not self.needs_key else None
        if self.listed is not None and not is_listed(model.upstream, self.listed):
            return f"its provider does not list {model.upstream}"
        return None


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of one provider's settings and answers.

    missing: what is not set, key left out; missing_key: the key's part of it. listed: as in Callability.
    """

    missing: str | None = None
    missing_key: str | None = None
    is_key_refused: bool = False
    listed: frozenset[str] | None = None


def callability_of(
    catalog: Catalog, findings: Mapping[str, Findings], demo: DemoMode, spoken: frozenset[ProviderKind]
) -> dict[str, Callability]:
    """For each provider of the catalogue whether it can be called. findings: one for each."""
    result = {
        id_: _of(provider, findings[id_]) if provider.kind in spoken else Callability(f"its kind {provider.kind} is not spoken yet")
        for id_, provider in catalog.providers.items()
        if provider.kind is not ProviderKind.SCRIPTED
    }
    others_can = any(state.reason is None for state in result.values())
    for id_, provider in catalog.providers.items():
        if provider.kind is ProviderKind.SCRIPTED:
            result[id_] = Callability(_demo_refusal(demo, others_can=others_can))
    return result


def _of(provider: Provider, found: Findings) -> Callability:
    if found.missing is not None:
        return Callability(found.missing)
    if found.missing_key is not None:
        return Callability(found.missing_key, needs_key=True)
    if found.is_key_refused:
        return Callability(_key_refused(provider.api_key or ""), needs_key=True)
    if provider.api_key is None and found.listed is None:
        return Callability(_no_answer(provider))
    return Callability(listed=found.listed)


def _key_refused(reference: str) -> str:
    what = (
        "another key there, or a new version of the catalogue," if reference.startswith(FILE_PREFIX) else "a new version of the catalogue"
    )
    return f"it has refused the key in {reference}; {what} tries again"


def _no_answer(provider: Provider) -> str:
    base_url = provider.base_url or ""
    if base_url.startswith(ENV_PREFIX):
        return f"no server answers; start it, or set {base_url.removeprefix(ENV_PREFIX)} to its address"
    return "no server answers at its base_url"


def _demo_refusal(demo: DemoMode, *, others_can: bool) -> str | None:
    if demo is DemoMode.FALSE:
        return "POINTSMAN_DEMO is false"
    if demo is DemoMode.AUTO and others_can:
        return "POINTSMAN_DEMO is auto, and a real provider can be called"
    return None
