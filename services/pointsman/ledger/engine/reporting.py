"""Reports over the books, in the words of those who ask."""

from collections.abc import Sequence

from pointsman.kit.errors import InvalidArgument
from pointsman.ledger.core.usage_report import SumTooLarge, TooManyRows, UsageQuery, UsageReports, UsageRow


class Reporting:
    """Sums up usage. Raises ServiceError as the UsageReports port does."""

    def __init__(self, reports: UsageReports) -> None:
        """Take what reads the books."""
        self._reports = reports

    async def sum_up_usage(self, query: UsageQuery) -> Sequence[UsageRow]:
        """One row for each group of attempts. Raises InvalidArgument where there are more than the query allows."""
        try:
            return await self._reports.sum_up(query)
        except TooManyRows as exc:
            problem = f"more than {query.max_row_count} rows: ask for less time, longer buckets or fewer dimensions"
            raise InvalidArgument("invalid_value", problem, param="max_row_count") from exc
        except SumTooLarge as exc:
            raise InvalidArgument("invalid_value", f"{exc}: ask for less time or more dimensions") from exc
