"""Adds what further files hold to a catalogue file, which wins where both have an entry."""

from dataclasses import replace

from pointsman.registry.core.catalog_file import CatalogFile


def with_additions(main: CatalogFile, added: CatalogFile, *, origin: str) -> CatalogFile:
    """The catalogue file with the models and providers that only `added`, read from `origin`, has."""
    own_models = {model.id for model in main.models}
    own_providers = {provider.id: provider for provider in main.providers}
    models = [model for model in added.models if model.id not in own_models]
    kept_ids = {model.id for model in models}
    passed_over = [f"models.{model.id}" for model in added.models if model.id in own_models]
    passed_over += [f"providers.{one.id}" for one in added.providers if own_providers.get(one.id, one) != one]
    return replace(
        main,
        providers=(*main.providers, *(provider for provider in added.providers if provider.id not in own_providers)),
        models=(*main.models, *models),
        references=(*main.references, *(one for one in added.references if not one.owner or one.owner in kept_ids)),
        inactive_sections=tuple(dict.fromkeys((*main.inactive_sections, *added.inactive_sections))),
        warnings=(
            *main.warnings,
            *added.warnings,
            *(f"{origin}: {path}: the catalogue has an entry of its own, which is used" for path in passed_over),
        ),
        looked_up_ids=main.looked_up_ids | kept_ids,
    )
