"""The whole of fairque in one file: define a task, push it for a user, run it in a worker, read its result.

    python examples/quickstart.py

A private Redis is started for this program and ends with it; name one of yours in FAIRQUE_REDIS__URL to use that.
"""

import os

from fairque import FairQueueConfig, Priority, TaskQueue, TaskState, Worker, task

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")


# A task is a function at the top of a module. Its annotations say how arguments come back from Redis.
@task(priority=Priority.HIGH, max_retries=3)
def word_count(text: str, *, at_least: int = 1) -> dict[str, int]:
    """Count the words of a text that are long enough."""
    counts: dict[str, int] = {}
    for word in text.lower().split():
        if len(word) >= at_least:
            counts[word] = counts.get(word, 0) + 1
    return counts


def main() -> None:
    """Push two tasks of two users and wait for what they return."""
    # Calling a task's function builds a Task; calling that runs the function here and now: handy in tests.
    assert word_count("to be or not to be")()["to"] == 2

    # This worker serves alice first, and bob whenever alice has nothing to do.
    config = FairQueueConfig.create_default(worker_id="worker-001", assigned_users=["alice"], steal_targets=["bob"])
    with TaskQueue(config) as queue:
        # The short way gives the task's id, `push` a handle. Either way the task belongs to a user.
        task_id = queue.push_function_task("alice", word_count, args=("so far so good",))
        handle = queue.push(word_count("the more the merrier", at_least=4), user_id="bob")
        assert handle.state() is TaskState.QUEUED

        with Worker(config):  # runs on threads of its own until the block ends
            print("alice:", queue.get_result(task_id, timeout=10))
            print("bob:  ", handle.result(timeout=10))

        assert handle.state() is TaskState.FINISHED
        assert queue.get_stats()["finished_total"] == 2


if __name__ == "__main__":
    main()
    print("quickstart: ok")
