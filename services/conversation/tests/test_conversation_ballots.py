"""The rules of a ballot, as properties."""

from hypothesis import assume, given
from hypothesis import strategies as st

from common.contracts.conversations import VoteCast
from conversation.rules.deliberation.ballots import count, deadlock_winner

OPTIONS = ("A", "B", "C")
papers = st.lists(
    st.tuples(st.sampled_from((*OPTIONS, None)), st.integers(1, 5)), min_size=1, max_size=9
)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.6, 0.75, 1.0])


def votes(given_papers) -> list[VoteCast]:
    return [
        VoteCast(ballot=1, agent_id=f"a{n}", choice=choice, weight=weight, reason="r")
        for n, (choice, weight) in enumerate(given_papers)
    ]


@given(papers, shares, shares)
def test_a_winner_has_quorum_and_more_than_the_majority_of_what_was_cast(papers, quorum, majority):
    result = count(votes(papers), quorum=quorum, majority=majority)
    whole = sum(weight for _, weight in papers)
    cast = sum(weight for choice, weight in papers if choice)

    assume(result.winner is not None)
    assert cast / whole >= quorum - 1e-9
    assert result.weights[result.winner] == max(result.weights.values())
    if result.verdict == "majority":
        assert result.weights[result.winner] / cast > majority


@given(papers, shares)
def test_an_abstention_never_helps_a_ballot_to_its_quorum(papers, quorum):
    before = count(votes(papers), quorum=quorum, majority=0.5)
    after = count(votes([*papers, (None, 3)]), quorum=quorum, majority=0.5)

    assert after.turnout <= before.turnout
    assert not (before.verdict == "no_quorum" and after.verdict != "no_quorum" and before.weights)
    assert after.weights == before.weights


@given(papers)
def test_papers_may_be_counted_in_any_order(papers):
    one = count(votes(papers), quorum=0.6, majority=0.5)
    other = count(list(reversed(votes(papers))), quorum=0.6, majority=0.5)
    assert one == other


@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), shares)
def test_all_for_one_is_unanimous_whatever_the_majority(weights, majority):
    result = count(votes([("B", w) for w in weights]), quorum=1.0, majority=majority)
    assert (result.verdict, result.winner, result.agreement) == ("unanimous", "B", 1.0)


@given(st.integers(1, 5), st.integers(1, 4))
def test_equal_weights_are_a_tie_and_a_tie_has_no_winner(weight, pairs):
    result = count(votes([("A", weight), ("B", weight)] * pairs), quorum=0.5, majority=0.0)
    assert (result.verdict, result.winner, result.leaders) == ("tie", None, ("A", "B"))


@given(st.integers(1, 9))
def test_nobody_voting_is_no_quorum_even_when_none_is_asked_for(n):
    assert count(votes([(None, 1)] * n), quorum=0.0, majority=0.5).verdict == "no_quorum"


@given(papers)
def test_more_weight_for_the_winner_leaves_it_the_winner(papers):
    first = count(votes(papers), quorum=0.0, majority=0.5)
    assume(first.winner is not None)
    again = count(votes([*papers, (first.winner, 2)]), quorum=0.0, majority=0.5)
    assert again.winner == first.winner


def test_exactly_the_majority_is_not_more_than_it():
    result = count(votes([("A", 2), ("B", 1), ("C", 1)]), quorum=0.5, majority=0.5)
    assert (result.verdict, result.winner) == ("no_majority", None)


scores = st.dictionaries(st.sampled_from(OPTIONS), st.floats(0, 1), min_size=1)


@given(scores, scores)
def test_a_deadlock_ends_by_the_written_rule_highest_score_then_safer_then_first(totals, safety):
    winner = deadlock_winner(totals, safety)

    best = max(round(t, 3) for t in totals.values())
    level = [o for o in totals if round(totals[o], 3) == best]
    safest = max(safety.get(o, 0.0) for o in level)
    assert winner == min(o for o in level if safety.get(o, 0.0) == safest)
