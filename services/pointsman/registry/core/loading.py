"""From texts to a configuration, with every fault of every file told at once."""

from dataclasses import dataclass

from pointsman.registry.core.assembly import ApiEntries, Configuration, assemble, check_references
from pointsman.registry.core.catalog_file import CatalogFile, read_catalog_file
from pointsman.registry.core.fields import Report
from pointsman.registry.core.ports import ParseDocument, SourceTexts
from pointsman.registry.core.problems import ProblemList
from pointsman.rules.keyword_rules import KeywordRule


@dataclass(frozen=True, slots=True)
class Loaded:
    """The files' entries, the effective configuration made of them, and what is no fault but worth a look."""

    file: CatalogFile
    configuration: Configuration
    warnings: tuple[str, ...]


def read_source(source: SourceTexts, *, parse: ParseDocument, problems: ProblemList) -> CatalogFile:
    """The entries of the files. Whole only where no problem was added."""
    for problem in source.problems:
        problems.add(problem)
    rules_report = None if source.rules is None else Report(source.rules.name, problems)
    document = parse(source.catalog, problems)
    rules = None if source.rules is None else parse(source.rules, problems)
    if document is None:
        problems.raise_any()
        raise AssertionError("a text without a tree has a problem")
    return read_catalog_file(document, Report(source.catalog.name, problems), rules=rules, rules_report=rules_report)


def load_configuration(source: SourceTexts, api: ApiEntries, *, parse: ParseDocument, default_rules: tuple[KeywordRule, ...]) -> Loaded:
    """The configuration of these texts and entries. Raises CatalogInvalid."""
    problems = ProblemList()
    file = read_source(source, parse=parse, problems=problems)
    configuration = assemble(file, api, default_rules=default_rules, problems=problems)
    warnings = check_references(configuration, problems)
    problems.raise_any()
    return Loaded(file, configuration, (*configuration.warnings, *warnings))
