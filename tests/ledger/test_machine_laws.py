"""Whatever is asked of the machine, the books balance and nothing half-happens."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from coinwell.ledger.machine import State, Writes, create_accounts, create_transfers, pulse
from coinwell.ledger.types import (
    AMOUNT_MAX,
    COUNTER_MAX,
    ID_MAX,
    NS_PER_S,
    TRANSIENT,
    Account,
    AccountFlags,
    CreateTransferStatus,
    PendingStatus,
    Transfer,
    TransferFlags,
)
from tests.ledger.book import START_NS, F, S, applied, copied, transfer
from tests.profile import scale

Batch = list[Transfer]
LIMITS = (
    AccountFlags.NONE,
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
    AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS,
)
RUNS = scale(150, 3_000)

# Few ids and small amounts make them meet; now and then something from the very edge.
small_ids = st.integers(1, 40)
account_ids = st.one_of(st.integers(1, 6), st.sampled_from([0, 7, 99, ID_MAX]))
amounts = st.one_of(
    st.integers(0, 20),
    st.sampled_from([COUNTER_MAX - 3, COUNTER_MAX, COUNTER_MAX + 1, AMOUNT_MAX]),
)
wild_flags = st.integers(0, 2**16 - 1).map(TransferFlags)
usual_flags = st.sampled_from(
    [
        F.NONE,
        F.NONE,
        F.LINKED,
        F.PENDING,
        F.PENDING | F.LINKED,
        F.PENDING | F.CLOSING_DEBIT,
        F.BALANCING_DEBIT,
        F.BALANCING_CREDIT | F.LINKED,
        F.BALANCING_DEBIT | F.BALANCING_CREDIT | F.PENDING,
    ]
)
moves = st.builds(
    Transfer,
    id=small_ids,
    debit_account_id=st.integers(1, 6),
    credit_account_id=st.integers(1, 6),
    amount=amounts,
    timeout=st.sampled_from([0, 0, 1, 3]),
    ledger=st.just(1),
    code=st.just(7),
    flags=usual_flags,
)
endings = st.builds(
    Transfer,
    id=small_ids,
    amount=amounts,
    pending_id=small_ids,
    flags=st.sampled_from(
        [
            F.POST_PENDING_TRANSFER,
            F.VOID_PENDING_TRANSFER,
            F.POST_PENDING_TRANSFER | F.LINKED,
            F.VOID_PENDING_TRANSFER | F.LINKED,
        ]
    ),
)
wild = st.builds(
    Transfer,
    id=st.one_of(small_ids, st.integers(0, ID_MAX)),
    debit_account_id=account_ids,
    credit_account_id=account_ids,
    amount=st.integers(0, AMOUNT_MAX),
    pending_id=st.one_of(small_ids, st.sampled_from([0, ID_MAX])),
    user_data_128=st.integers(0, ID_MAX),
    timeout=st.integers(0, 2**32 - 1),
    ledger=st.integers(0, 3),
    code=st.integers(0, 3),
    flags=wild_flags,
    timestamp=st.sampled_from([0, 0, 1, 2**64 - 1]),
)
# Without its timeout a single-phase transfer is a valid one far more often.
sane_moves = moves.map(lambda made: made if made.flags & F.PENDING else _without_timeout(made))
batches = st.lists(st.one_of(sane_moves, sane_moves, endings, moves, wild), max_size=12)
clocks = st.integers(-2 * NS_PER_S, 4 * NS_PER_S)
histories = st.lists(st.tuples(batches, clocks), max_size=8)


def _without_timeout(made: Transfer) -> Transfer:
    return transfer(
        made.id, made.debit_account_id, made.credit_account_id, made.amount, flags=made.flags
    )


def opened() -> State:
    """Six accounts, two of each kind, and a little in each."""
    state = State()
    accounts = [Account(id=key, ledger=1, code=1, flags=LIMITS[key % 3]) for key in range(1, 7)]
    create_accounts(state, accounts, START_NS)
    fund = [transfer(100 + key, key - 1 or 6, key, 30) for key in range(1, 7)]
    create_transfers(state, fund, START_NS)
    return state


def played(history: list[tuple[Batch, int]]) -> tuple[State, list[Writes]]:
    """The state after a history of batches and pulses, and what each wrote."""
    state, writes, now_ns = opened(), [], START_NS
    for batch, step in history:
        now_ns = max(0, now_ns + step)
        writes.append(pulse(state, now_ns))
        writes.append(create_transfers(state, batch, now_ns)[1])
    return state, writes


def recomputed(state: State) -> dict[int, Counter[str]]:
    """The counters of every account from the transfers alone."""
    counters = {key: Counter[str]() for key in state.accounts}
    for made in state.transfers.values():
        kind = "posted"
        if made.flags & F.PENDING:
            if state.pendings[made.id].status != PendingStatus.OPEN:
                continue
            kind = "pending"
        if made.flags & F.VOID_PENDING_TRANSFER:
            continue
        counters[made.debit_account_id][f"debits_{kind}"] += made.amount
        counters[made.credit_account_id][f"credits_{kind}"] += made.amount
    return counters


@settings(max_examples=RUNS)
@given(history=histories)
def test_the_counters_are_the_sum_of_the_transfers(history: list[tuple[Batch, int]]) -> None:
    state, _ = played(history)

    counters = recomputed(state)

    for key, account in state.accounts.items():
        for name in ("debits_pending", "debits_posted", "credits_pending", "credits_posted"):
            assert getattr(account, name) == counters[key][name]
            assert 0 <= counters[key][name] <= COUNTER_MAX
        assert account.debits_pending + account.debits_posted <= COUNTER_MAX
        assert account.credits_pending + account.credits_posted <= COUNTER_MAX
        if account.flags & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS:
            assert account.debits_pending + account.debits_posted <= account.credits_posted
        if account.flags & AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS:
            assert account.credits_pending + account.credits_posted <= account.debits_posted


@settings(max_examples=RUNS)
@given(history=histories)
def test_the_writes_are_exactly_what_changed(history: list[tuple[Batch, int]]) -> None:
    before = copied(opened())
    state, now_ns = opened(), START_NS
    for batch, step in history:
        now_ns = max(0, now_ns + step)
        before = applied(before, [pulse(state, now_ns)])
        assert before == state
        before = applied(before, [create_transfers(state, batch, now_ns)[1]])
        assert before == state


@settings(max_examples=RUNS)
@given(history=histories, chain=batches, now_ns=st.integers(0, 2 * START_NS))
def test_a_broken_chain_leaves_the_ledger_as_it_was(
    history: list[tuple[Batch, int]], chain: Batch, now_ns: int
) -> None:
    state, _ = played(history)
    before = copied(state)
    links = [_linked(member) for member in chain]

    results, writes = create_transfers(state, [*links, transfer(50, code=0)], now_ns)

    assert S.CREATED not in [result.status for result in results]
    assert state.accounts == before.accounts
    assert state.transfers == before.transfers
    assert state.pendings == before.pendings
    assert (writes.transfers, writes.pendings, writes.accounts_changed) == ([], {}, {})
    spent = {key: status for key, status, _ in writes.failed}
    assert state.failed == before.failed | spent


def _linked(member: Transfer) -> Transfer:
    fields = {name: getattr(member, name) for name in member.__struct_fields__}
    return Transfer(**fields | {"flags": member.flags | F.LINKED})


@settings(max_examples=RUNS)
@given(history=histories)
def test_what_was_answered_once_is_answered_again(history: list[tuple[Batch, int]]) -> None:
    state, now_ns = opened(), START_NS
    for batch, step in history:
        now_ns = max(0, now_ns + step)
        results, _ = create_transfers(state, batch, now_ns)
        after = copied(state)
        for asked, result in zip(batch, results, strict=True):
            (again,), _ = create_transfers(state, [_alone(asked)], now_ns)
            if result.status in (S.CREATED, S.EXISTS) and not asked.flags & F.LINKED:
                assert (again.status, again.timestamp) == (S.EXISTS, result.timestamp)
            elif result.status in TRANSIENT and not asked.flags & F.IMPORTED:
                assert again.status is S.ID_ALREADY_FAILED
        if all(result.status in (S.CREATED, S.EXISTS) for result in results):
            assert (state.accounts, state.transfers) == (after.accounts, after.transfers)


def _alone(member: Transfer) -> Transfer:
    # A single member cannot be linked to a next one.
    fields = {name: getattr(member, name) for name in member.__struct_fields__}
    return Transfer(**fields | {"flags": TransferFlags(member.flags & ~F.LINKED)})


@settings(max_examples=RUNS)
@given(history=histories)
def test_timestamps_rise_strictly_whatever_the_clock_does(
    history: list[tuple[Batch, int]],
) -> None:
    state, now_ns, last = opened(), START_NS, 0
    for batch, step in history:
        now_ns = max(0, now_ns + step)
        for pending in pulse(state, now_ns).pendings.values():
            assert pending.resolved_at > last
            last = pending.resolved_at
        results, _ = create_transfers(state, batch, now_ns)
        for result in results:
            if result.status is not S.EXISTS:
                assert result.timestamp > last
                last = result.timestamp
    made = [each.timestamp for each in state.transfers.values()]
    assert made == sorted(set(made))


@settings(max_examples=RUNS)
@given(history=histories)
def test_the_same_input_gives_the_same_answers_gathered_or_not(
    history: list[tuple[Batch, int]],
) -> None:
    first, second, gathered, now_ns = opened(), opened(), Writes(), START_NS
    alone: list[Writes] = []
    for batch, step in history:
        now_ns = max(0, now_ns + step)
        alone.append(pulse(first, now_ns))
        pulse(second, now_ns, gathered)
        results, writes = create_transfers(first, batch, now_ns)
        assert create_transfers(second, batch, now_ns, gathered)[0] == results
        alone.append(writes)
    assert first == second
    start = opened()
    gathered.timestamp = first.timestamp
    assert applied(start, [gathered]) == applied(start, alone) == first


@settings(max_examples=RUNS)
@given(history=histories, batch=batches)
def test_no_member_is_changed_by_being_asked(
    history: list[tuple[Batch, int]], batch: Batch
) -> None:
    state, _ = played(history)
    asked = [_alone(member) for member in batch]
    kept = list(asked)
    results, _ = create_transfers(state, asked, START_NS)
    assert asked == kept
    assert len(results) == len(asked)
    assert all(type(result.status) is CreateTransferStatus for result in results)
