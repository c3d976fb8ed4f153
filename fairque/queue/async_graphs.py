"""`Graphs` with `await`; what each verb does, and what it raises, stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairque.queue.carrier import AsyncCarrier
from fairque.queue.flows import FlowName, FlowPage
from fairque.queue.handle import AsyncTaskHandle
from fairque.queue.intake import Receipt
from fairque.queue.run import AsyncRun

if TYPE_CHECKING:
    from typing import Any

    from fairque.core.graph import Members, Wired
    from fairque.queue.planning import Plan


class AsyncGraphs(AsyncCarrier):
    """What `AsyncTaskQueue` has of them."""

    async def enqueue(
        self, graph: Wired | Members | Plan, *, user_id: str | None = None, run_id: str | None = None
    ) -> AsyncRun:
        """As `TaskQueue.enqueue`."""
        plan = self._verbs.plan(graph, user_id, run_id)
        receipts = await self._converse(self._verbs.enqueue(plan))
        return self._run_of(FlowName(plan.user_id, plan.mark, plan.run_id), receipts)

    async def flow(self, run_id: str, *, user_id: str | None = None) -> AsyncRun | None:
        """As `TaskQueue.flow`."""
        name = await self._converse(self._verbs.flows.find(run_id, user_id))
        return None if name is None else self._run_of(name, await self._converse(self._verbs.flows.written(name)))

    async def flows(self, user_id: str | None = None, *, limit: int = 100, cursor: str | None = None) -> FlowPage:
        """As `TaskQueue.flows`."""
        return await self._converse(self._verbs.flows.page(user_id, limit, cursor))

    def _run_of(self, name: FlowName, receipts: list[Receipt[Any]]) -> AsyncRun:
        return AsyncRun(self, name, [AsyncTaskHandle(self, receipt) for receipt in receipts])  # type: ignore[arg-type]
