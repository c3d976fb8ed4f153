"""A run that grows: tasks that are added from inside one of its tasks."""

from __future__ import annotations

from fairque.core.flow import is_mark
from fairque.core.graph import Members, Wired
from fairque.errors import FlowGone, GraphError
from fairque.queue.intake import Mint
from fairque.queue.planning import plan_of
from fairque.queue.submission import adding
from fairque.store import flows
from fairque.store.call import Conversation
from fairque.store.flows import Fence
from fairque.store.records import Grant


def growing(root: str, graph: Wired | Members, grant: Grant, fence: Fence) -> Conversation[list[str]]:
    """Add a graph to the run of a task, or where that belongs to none begin one; return the ids as written."""
    run_id = None
    joins = is_mark(grant.nonce)
    if joins:
        flow = yield from flows.read(root, grant.user_id, grant.nonce, members=False)
        if flow is None:
            raise FlowGone(f"{grant.task_id}: its run is not there any more")
        run_id = None if flow.run_id == flow.mark else flow.run_id
    plan = plan_of(graph, grant.user_id, run_id, Mint(root))
    if joins:
        plan = plan._replace(mark=grant.nonce, run_id=run_id or grant.nonce)
    if fence.holds and any(grant.task_id in node.outside for node in plan.nodes):
        raise GraphError(f"before_children: what is added waits for {grant.task_id}, which would wait for it")
    receipts = yield from adding(root, plan, fence, grant.task_id, joins=joins)
    return [receipt.task_id for receipt in receipts]
