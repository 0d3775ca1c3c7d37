"""Which wire formats are spoken."""

from collections.abc import Mapping

from pointsman.executor.core.catalog import ProviderKind
from pointsman.executor.core.providers import azure_openai, openai, scripted
from pointsman.executor.core.translation import Translator

TRANSLATORS: Mapping[ProviderKind, Translator] = {
    ProviderKind.OPENAI: openai.TRANSLATOR,
    ProviderKind.AZURE_OPENAI: azure_openai.TRANSLATOR,
    ProviderKind.SCRIPTED: scripted.TRANSLATOR,
}
