"""A flow for the tests of its commands: one task, two after it, one after both, and one in case that fails."""

from __future__ import annotations

from fairque import TaskQueue, chain, group, task


@task(name="jobs:extract", max_retries=0)
def extract(word: str) -> str:
    return word


@task(name="jobs:clean", max_retries=0)
def clean(word: str) -> str:
    return word


@task(name="jobs:load", task_id="load", max_retries=0)
def load(word: str) -> str:
    return word


@task(name="jobs:note", task_id="note", max_retries=0)
def note(word: str) -> str:
    return word


def enqueue(queue: TaskQueue, user_id: str = "user:1", run_id: str | None = "nightly") -> str:
    """Enqueue a flow of four tasks and a hook, and return its run id."""
    sides = group(clean("sesame").with_(task_id=f"clean-{side}") for side in ("eu", "us"))
    whole = chain(extract("sesame").with_(task_id="extract"), sides, load("sesame").with_(on_failure=note("sesame")))
    return queue.enqueue(whole, user_id=user_id, run_id=run_id).run_id


def finish(queue: TaskQueue, *task_ids: str) -> None:
    """Take the next tasks, which are these, and finish them."""
    taken = {popped.task_id: popped for popped in queue.pop_many(len(task_ids))}
    assert taken.keys() == {*task_ids}
    for popped in taken.values():
        queue.finish(popped, "open sesame")
