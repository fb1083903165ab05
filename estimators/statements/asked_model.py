"""What estimators share that read the model's statements about its own answer."""

from __future__ import annotations

from typing import ClassVar

from ..core.estimator import Estimator
from ..signals.batch import SelfReportTable, Signals
from ..signals.tables import FloatArray


class AskedModel(Estimator):
    """1 - the value of one variant of the signal ``self_report``."""

    variant: ClassVar[str] = ""
    family = "asking the model"
    cost = "m"

    def _asked(self) -> str:
        """Return the variant that the parameters choose."""
        return self.variant

    def _table(self, signals: Signals) -> SelfReportTable:
        return signals.self_report[self._asked()].only

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - self._table(signals).value

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        table = self._table(signals)
        if not table.present[row]:
            return None
        reason = table.reason[row]
        return "no confidence stated" if reason is None else str(reason)
