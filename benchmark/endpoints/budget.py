"""The budget of a run for requests, and what is spent of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..console.errors import ApprehendError


class BudgetSpent(ApprehendError):
    """``--max_requests`` or ``--max_cost`` does not allow another request."""


@dataclass
class Budget:
    """Limits of a run and what it has spent: requests (retries count), tokens, money."""

    max_requests: int | None = None
    max_cost: float | None = None
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    _reserved: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, bound: float) -> None:
        """Reserve a request of cost at most ``bound``. Raises BudgetSpent if it exceeds a limit."""
        with self._lock:
            if self.max_requests is not None and self.requests >= self.max_requests:
                raise BudgetSpent(f"the budget of {self.max_requests} requests is spent")
            if self.max_cost is not None and self.cost + self._reserved + bound > self.max_cost:
                raise BudgetSpent(
                    f"the budget of {self.max_cost:g} is spent: {self.cost:.4f} so far, and the "
                    f"next request may cost {bound:.4f}"
                )
            self.requests += 1
            self._reserved += bound

    def settle(self, bound: float, prompt: int, completion: int, cost: float) -> None:
        """Replace the bound of a request by its actual cost."""
        with self._lock:
            self._reserved -= bound
            self.prompt_tokens += prompt
            self.completion_tokens += completion
            self.cost += cost

    def spent(self) -> dict[str, float]:
        """Return the amounts spent so far, by name."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": self.cost,
        }

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Return the amounts spent since ``before``, by name, without zeros."""
        spent = {name: amount - before[name] for name, amount in self.spent().items()}
        return {name: amount for name, amount in spent.items() if amount}
