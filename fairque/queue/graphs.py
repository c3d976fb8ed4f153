"""The verbs of `TaskQueue` about graphs of tasks that are enqueued together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairque.queue.carrier import Carrier
from fairque.queue.flows import FlowName, FlowPage
from fairque.queue.handle import TaskHandle
from fairque.queue.intake import Receipt
from fairque.queue.run import Run

if TYPE_CHECKING:
    from typing import Any

    from fairque.core.graph import Members, Wired
    from fairque.queue.planning import Plan


class Graphs(Carrier):
    """What `TaskQueue` has of them."""

    def enqueue(self, graph: Wired | Members | Plan, *, user_id: str | None = None, run_id: str | None = None) -> Run:
        """Enqueue a graph of tasks (`a >> (b | c) >> d`), or a single task, whole or not at all; return its run.

        `user_id` overrides the tasks' own; all are of one user. With a `run_id` the chosen ids inside become
        `<run_id>/<task_id>`, so that runs of one graph may overlap; without one it is generated. A graph of up to 150
        tasks goes in one atomic call, a larger one part by part: workers see nothing of it before the last part is
        there, and of one whose program died in between nothing is left after a minute.

        Raises:
            GraphError: it has a cycle, tasks of several users, or an id twice. Nothing was written.
            TaskConflict: a task of one of its ids or unique keys, or a run of that id, has not ended. Nothing is left.
            UnknownTask: `depends_on` names a task that is not known. Nothing is left.
            BacklogFull, QueueFull: as `push`. Nothing is left.
            PartialPush: Redis went away: enqueue what its `remaining` has to go on.
        """
        plan = self._verbs.plan(graph, user_id, run_id)
        receipts = self._converse(self._verbs.enqueue(plan))
        return self._run_of(FlowName(plan.user_id, plan.mark, plan.run_id), receipts)

    def flow(self, run_id: str, *, user_id: str | None = None) -> Run | None:
        """Return a run that was enqueued, or None. A generated id is found by itself; a chosen one needs its
        `user_id`.
        """
        name = self._converse(self._verbs.flows.find(run_id, user_id))
        return None if name is None else self._run_of(name, self._converse(self._verbs.flows.written(name)))

    def flows(self, user_id: str | None = None, *, limit: int = 100, cursor: str | None = None) -> FlowPage:
        """Return a page of the runs that are kept, of one user or of all, the newest first; `limit` is 1 to 1,000. With
        the `cursor` that the page before had, it goes on from there.
        """
        return self._converse(self._verbs.flows.page(user_id, limit, cursor))

    def _run_of(self, name: FlowName, receipts: list[Receipt[Any]]) -> Run:
        return Run(self, name, [TaskHandle(self, receipt) for receipt in receipts])  # type: ignore[arg-type]
