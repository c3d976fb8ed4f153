"""From a graph to what is sent: users, ids, links, follow-up tasks and results settled before anything is written."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fairque import GraphError, Priority, TaskValidationError, chain, group, xcom_task
from fairque.core.codec import decode_body
from fairque.core.ids import fingerprint
from fairque.core.models import Take
from fairque.core.options import MAX_PARENTS
from fairque.queue.planning import Node
from tests.queue.etl import ROOT, USER, alert, extract, links, load, merge, named, planned

# --- what a plan says -----------------------------------------------------------------------------------------------


def test_a_graph_is_planned_in_the_order_in_which_it_was_written() -> None:
    plan = planned(alert("d") << [extract(1), extract(2)] << alert("a"))
    assert [node.name for node in plan.nodes] == ["etl:alert", "etl:extract", "etl:extract", "etl:alert"]
    assert links(plan) == [((1, 2), ()), ((3,), ()), ((3,), ()), ((), ())]
    assert plan.order == (3, 1, 2, 0)
    assert (plan.user_id, plan.written) == (USER, 4)


def test_a_mark_tells_a_graph_from_any_other_and_is_its_run_id_unless_one_is_given() -> None:
    plans = [planned(extract()) for _ in range(100)]
    assert len({plan.mark for plan in plans}) == 100
    assert all(re.fullmatch("g[0-9a-f]{15}", plan.mark) for plan in plans)
    assert all(plan.run_id == plan.mark == plan.nodes[0].task.nonce for plan in plans)
    given = planned(extract(), run_id="2026-11-21")
    assert (given.run_id, given.nodes[0].task.nonce) == ("2026-11-21", given.mark)


def test_a_task_is_sent_with_all_that_a_single_push_sends_and_its_parents() -> None:
    first = extract(3).with_(priority=6, delay=2, expires_in=5, max_retries=1)
    node, child = planned(first >> load()).nodes
    assert (node.level, node.when, node.policy, node.written_id, node.push_key) == (6, "+2000/5000", "w", None, None)
    assert (node.task.priority, node.task.user_id, node.task.task_id) == (Priority.CRITICAL, USER, node.task_id)
    body = decode_body(node.body)
    assert (body.name, body.args, body.terms.max_retries, body.terms.parents) == ("etl:extract", [3], 1, None)
    terms = decode_body(child.body).terms
    assert terms.parents == child.task.parents == (node.task_id,)
    assert terms.takes == child.task.takes == {"rows": Take((0,))}


@pytest.mark.parametrize(("word", "letter"), [("wait", "w"), ("run", "r"), ("cancel", "c")])
def test_what_a_parents_failure_means_goes_as_a_letter(word: str, letter: str) -> None:
    child = planned(extract() >> alert().with_(on_parent_failure=word)).nodes[1]
    assert (child.policy, child.task.policy, decode_body(child.body).terms.policy) == (letter,) * 3


def test_a_task_and_a_list_are_graphs() -> None:
    assert links(planned(extract())) == [((), ())]
    assert links(planned([extract(), [alert(), load() << extract()]])) == [((), ()), ((), ()), ((3,), ()), ((), ())]


def test_the_same_expression_twice_makes_two_graphs() -> None:
    def etl() -> Any:
        return extract(1) >> load()

    first, second = planned(etl()), planned(etl())
    assert not {node.task_id for node in first.nodes} & {node.task_id for node in second.nodes}


# --- users ----------------------------------------------------------------------------------------------------------


def test_the_user_given_to_enqueue_goes_before_what_tasks_say() -> None:
    plan = planned(extract().with_(user_id="a") >> alert().with_(user_id="b") >> load([1]))
    assert {node.task.user_id for node in plan.nodes} == {USER}
    assert all(node.task_id.endswith(fingerprint(ROOT, USER)) for node in plan.nodes)


def test_without_one_all_tasks_are_of_one_and_the_same_user() -> None:
    first, second = (extract().with_(user_id="a") for _ in range(2))
    assert planned(first >> second, None).user_id == "a"
    with pytest.raises(GraphError, match="a graph is of one user: etl:extract of 'a', etl:alert of 'b'"):
        planned(first >> second >> alert().with_(user_id="b"), None)
    with pytest.raises(TaskValidationError, match=r"<Task etl:alert>: has no user; give user_id="):
        planned(first >> alert(), None)


# --- ids ------------------------------------------------------------------------------------------------------------


def test_a_run_id_stands_before_chosen_ids() -> None:
    first, second = named("first")[0], extract()
    plan = planned(first >> second, run_id="today")
    assert [node.written_id for node in plan.nodes] == ["first", None]
    assert plan.nodes[0].task_id == plan.nodes[0].task.task_id == "today/first"
    assert re.fullmatch(r"[0-9a-f-]{36}", plan.nodes[1].task_id)
    assert plan.nodes[1].task.parents == ("today/first",)
    assert planned(first).nodes[0].task_id == "first"


@pytest.mark.parametrize("run_id", ["", " ", "a\nb", "x" * 257, 3, b"a", True])
def test_a_run_id_is_printable(run_id: Any) -> None:
    with pytest.raises(TaskValidationError, match=r"^run_id: "):
        planned(extract(), run_id=run_id)


def test_run_id_and_task_id_together_are_no_longer_than_an_id() -> None:
    assert planned(named("a" * 128), run_id="r" * 127).nodes[0].task_id == "r" * 127 + "/" + "a" * 128
    with pytest.raises(TaskValidationError, match=r"^run_id/task_id: longer than 256 bytes"):
        planned(named("a" * 128), run_id="r" * 128)


@pytest.mark.parametrize("run_id", [None, "today"])
def test_an_id_or_a_unique_key_twice_is_refused(run_id: str | None) -> None:
    with pytest.raises(GraphError, match="two tasks of the graph have the id 'a'"):
        planned(chain(*named("a", "b", "a")), run_id=run_id)
    with pytest.raises(GraphError, match="two tasks of the graph have the unique_key 'k'"):
        planned([one.with_(unique_key="k") for one in named("a", "b")], run_id=run_id)


def test_a_result_is_found_by_its_key_or_its_id_as_it_was_written() -> None:
    keyed, chosen, generated, plain = xcom_task("rows")(extract.function), named("a")[0], alert(), alert()
    auto = [one.with_(auto_xcom=True) for one in (chosen, generated)]
    nodes = planned([keyed(), *auto, plain], run_id="today").nodes
    assert [node.push_key for node in nodes] == ["rows", "a", nodes[2].task_id, None]
    assert [decode_body(node.body).terms.push_key for node in nodes] == [node.push_key for node in nodes]


# --- links ----------------------------------------------------------------------------------------------------------


def test_depends_on_names_tasks_outside() -> None:
    (one,) = planned(alert().with_(depends_on=["x", "y", "x"])).nodes
    assert (one.inside, one.outside, one.task.parents) == ((), ("x", "y"), ("x", "y"))


@pytest.mark.parametrize("run_id", [None, "today"])
def test_depends_on_the_id_of_a_task_in_the_graph_is_a_link_inside_it(run_id: str | None) -> None:
    first, second, third = named("a", "b", "c")
    plan = planned([first, second, third.with_(depends_on=["out", "b", "a"])], run_id=run_id)
    assert links(plan)[2] == ((0, 1), ("out",))
    assert plan.nodes[2].task.parents == (plan.nodes[0].task_id, plan.nodes[1].task_id, "out")
    assert links(planned([first, second.with_(depends_on=["r/a"])], run_id="r"))[1] == ((0,), ())


@pytest.mark.parametrize(
    ("whole", "names"),
    [
        (lambda a, *_: a >> a, "a >> a"),
        (lambda a, b, *_: a >> b >> a, "(a >> b >> a|b >> a >> b)"),
        (lambda a, b, c: a >> [b, c] >> a, "[abc] >> [abc] >> [abc]"),
        (lambda a, *_: a.with_(depends_on=["a"]), "a >> a"),
        (lambda a, b, *_: [a.with_(depends_on=["b"]), b.with_(depends_on=["a"])], "[ab] >> [ab] >> [ab]"),
        (lambda a, b, c: (z := b.with_(depends_on=["c"])) >> a >> c | z, "[abc] >> [abc] >> [abc] >> [abc]"),
    ],
)
def test_a_cycle_is_refused_with_its_way(whole: Callable[..., Any], names: str) -> None:
    with pytest.raises(GraphError, match=f"^the graph has a cycle: {names}$"):
        planned(whole(*named("a", "b", "c")))


def test_of_a_long_cycle_a_few_names_are_told() -> None:
    many = named(*(f"{n}" * 60 for n in range(1_000)))
    with pytest.raises(GraphError, match=r"^the graph has a cycle: (\d+…? >> ){3}997 more >> \d+…?$") as caught:
        planned(chain(*many, many[0]))
    assert len(str(caught.value)) < 300


def test_more_parents_than_a_task_may_have_are_refused() -> None:
    most = [extract() for _ in range(MAX_PARENTS)]
    with pytest.raises(GraphError, match=r"^etl:alert: waits for more than 10,000 tasks; put one between"):
        planned(group(most) >> alert().with_(depends_on=["x"]))
    assert len(planned(group(most) >> alert()).nodes[-1].inside) == MAX_PARENTS


# --- results of parents ---------------------------------------------------------------------------------------------


def takes(whole: object) -> dict[str, Take]:
    return dict(planned(whole).nodes[-1].task.takes)


def test_a_parameter_takes_the_result_of_the_parent() -> None:
    count = extract().with_(task_id="count")
    assert takes(extract(1) >> load()) == {"rows": Take((0,))}
    assert takes([extract(1), extract(2)] >> load()) == {"rows": Take((0, 1), many=True)}
    assert takes(extract.map([1]) >> load()) == {"rows": Take((0,), many=True)}
    assert takes(load().with_(depends_on=["x"])) == {"rows": Take((0,))}
    assert takes((extract(1) | alert() | count) >> merge(size=1)) == {"rows": Take((0, 2), many=True)}
    assert takes((extract(1) | alert().with_(task_id="count")) >> merge()) == {"rows": Take((0,)), "size": Take((1,))}
    assert takes(extract(1) >> merge().with_(depends_on=["count"])) == {"rows": Take((0,)), "size": Take((1,))}
    assert takes(extract(1) >> load([1])) == {}


def test_a_parameter_that_nobody_gives_is_refused() -> None:
    with pytest.raises(GraphError, match=r"^rows: there is no parent to take a result from"):
        planned(load())
    with pytest.raises(GraphError, match=r"^size: no parent is called 'count'; there is etl:extract"):
        planned(extract() >> merge())


# --- all of it ------------------------------------------------------------------------------------------------------


def before(nodes: Sequence[Node], order: Sequence[int]) -> bool:
    at = {place: turn for turn, place in enumerate(order)}
    return all(at[parent] < at[place] for place, node in enumerate(nodes) for parent in node.inside)


def test_random_graphs_keep_their_links_and_parents_go_before_children() -> None:
    for seed in range(100):
        dice = random.Random(seed)
        tasks = [alert() for _ in range(dice.randint(1, 40))]
        pairs = {tuple(sorted(dice.choices(range(len(tasks)), k=2))) for _ in range(dice.randint(0, 80))}
        whole = group([*tasks, *(tasks[parent] >> tasks[child] for parent, child in pairs if parent != child)])
        plan = planned(whole)
        assert sorted(plan.order) == list(range(len(tasks)))
        assert before(plan.nodes, plan.order)
        found = {(parent, place) for place, node in enumerate(plan.nodes) for parent in node.inside}
        assert found == {(parent, child) for parent, child in pairs if parent != child}


def test_ten_thousand_tasks_are_planned_at_once() -> None:
    start = time.process_time()
    plan = planned(extract(1) >> extract.map(range(9_998)) >> load())
    assert time.process_time() - start < 2, "0.25 s where nothing else runs"
    assert (len(plan.nodes), len(plan.nodes[-1].inside), plan.order[0], plan.order[-1]) == (10_000, 9_998, 0, 9_999)
    assert plan.nodes[-1].task.takes == {"rows": Take(tuple(range(9_998)), many=True)}
