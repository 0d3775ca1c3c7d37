"""From texts to a configuration, with every fault of every file told at once."""

from dataclasses import dataclass

from pointsman.registry.core.additions import with_additions
from pointsman.registry.core.assembly import ApiEntries, Configuration, assemble, check_references
from pointsman.registry.core.catalog_file import CatalogFile, read_catalog_file
from pointsman.registry.core.document import Node
from pointsman.registry.core.fields import Place, Report
from pointsman.registry.core.older.model_list_file import read_model_list
from pointsman.registry.core.older.platform_file import read_platform_file
from pointsman.registry.core.ports import ParseDocument, SourceTexts, TextFile
from pointsman.registry.core.problems import ProblemList
from pointsman.registry.core.shapes import Shape, shape_of
from pointsman.registry.core.shipped import NOTHING_SHIPPED, Shipped, shipped_of
from pointsman.rules.keyword_rules import KeywordRule


@dataclass(frozen=True, slots=True)
class Loaded:
    """The files' entries, the effective configuration made of them, and what is no fault but worth a look."""

    file: CatalogFile
    configuration: Configuration
    warnings: tuple[str, ...]


def load_shipped(file: TextFile, *, parse: ParseDocument) -> Shipped:
    """What the shipped catalogue's text tells of models and providers. Raises CatalogInvalid."""
    problems = ProblemList()
    document = parse(file, problems)
    report = Report(file.name, problems)
    read = None if document is None else read_catalog_file(document, report, rules=None, rules_report=None)
    problems.raise_any()
    return NOTHING_SHIPPED if read is None else shipped_of(read)


def read_source(source: SourceTexts, *, parse: ParseDocument, problems: ProblemList, shipped: Shipped = NOTHING_SHIPPED) -> CatalogFile:
    """The entries of the files. Whole only where no problem was added."""
    for problem in source.problems:
        problems.add(problem)
    document = parse(source.catalog, problems)
    rules = None if source.rules is None else parse(source.rules, problems)
    added = [(file, parse(file, problems)) for file in (source.models_json, source.environment) if file is not None]
    if document is None:
        problems.raise_any()
        raise AssertionError("a text without a tree has a problem")
    read = _read_main(document, source, rules, problems, shipped)
    for file, tree in added:
        if tree is not None:
            read = with_additions(read, _read_addition(tree, Report(file.name, problems), shipped), origin=file.name)
    return read


def load_configuration(
    source: SourceTexts,
    api: ApiEntries,
    *,
    parse: ParseDocument,
    default_rules: tuple[KeywordRule, ...],
    shipped: Shipped = NOTHING_SHIPPED,
) -> Loaded:
    """The configuration of these texts and entries. Raises CatalogInvalid."""
    problems = ProblemList()
    file = read_source(source, parse=parse, problems=problems, shipped=shipped)
    configuration = assemble(file, api, default_rules=default_rules, problems=problems, shipped=shipped)
    warnings = check_references(configuration, problems)
    problems.raise_any()
    return Loaded(file, configuration, (*configuration.warnings, *warnings))


def _read_main(document: Node, source: SourceTexts, rules: Node | None, problems: ProblemList, shipped: Shipped) -> CatalogFile:
    report = Report(source.catalog.name, problems)
    match shape_of(document):
        case Shape.PLATFORM:
            return read_platform_file(document, report, shipped=shipped)
        case Shape.MODEL_LIST:
            return read_model_list(document, report, shipped=shipped)
        case Shape.CATALOG:
            rules_report = None if source.rules is None else Report(source.rules.name, problems)
            return read_catalog_file(document, report, rules=rules, rules_report=rules_report)


def _read_addition(document: Node, report: Report, shipped: Shipped) -> CatalogFile:
    if shape_of(document) is not Shape.MODEL_LIST:
        Place(report, "", document.line).note('must be a list of models, or {"models": [...]}')
        return CatalogFile()
    return read_model_list(document, report, shipped=shipped)
