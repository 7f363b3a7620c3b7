"""pause-task and stop-task at every phase of a full migration, while the upstream is written to: answered in time, nothing is
written after it, and what goes on then ends equal."""
import threading

import pytest

from dmtest.phases import AWAY, Command, scene
from dmtest.proxy import Cut
from dmtest.vip import Vip
from dmtest.waiting import wait_for

SCHEMA = "pf"
pytestmark = pytest.mark.xdist_group("phases_full")
# What is in flight downstream may take 5 s; what is cut then, and the rounds of dmctl's question.
AT_ONCE, IN_FLIGHT = 8, 15


@pytest.fixture(scope="module")
def home(tmp_path_factory, servers):
    with scene(tmp_path_factory.mktemp(SCHEMA), servers.get("mariadb", "up"), servers.get("mariadb", "down"), SCHEMA) as made:
        yield made


@pytest.fixture
def case(home):
    home.begin()
    yield home
    home.end()


def up(*phrases, number=1):
    return lambda case: case.gate(case.up, *phrases, number=number)


def down(*phrases, number=1):
    return lambda case: case.gate(case.down, *phrases, number=number)


def down_waits_for_a_row(query, *phrases):
    """The statement is executed downstream and waits there for the rows of a query."""
    return lambda case: case.row_lock(case.down, query, *phrases)


# Phase: (where the task is held, the unit that is shown there, seconds until the answer).
PHASES = {
    "dump: lock": (up("FLUSH TABLES WITH READ LOCK"), "Dump", AT_ONCE),
    "dump: definitions": (up("SHOW CREATE TABLE"), "Dump", AT_ONCE),
    "dump: rows": (up("SELECT", f"FROM `{SCHEMA}`.`a`", number=3), "Dump", AT_ONCE),
    "load: tables": (down("CREATE TABLE", "`sums`"), None, IN_FLIGHT),
    "load: first file": (down("LOAD DATA"), None, IN_FLIGHT),
    "load: in between": (down("LOAD DATA", number=7), None, IN_FLIGHT),
    "load: end": (down_waits_for_a_row(f"SELECT * FROM dm_{SCHEMA}.{SCHEMA}_lightning_checkpoint_list", "lightning_checkpoint_list",
                                       "status = 'finished'"), None, IN_FLIGHT),
    "hand-over": (up("@master_binlog_checksum"), "Sync", AT_ONCE),
}


@pytest.mark.parametrize("how", ["pause", "stop"])
@pytest.mark.parametrize("phase", PHASES)
def test_full(case, phase, how):
    hold, unit, within = PHASES[phase]
    gate = hold(case)
    case.writer.start()
    case.start("--remove-meta")
    gate.wait(case)
    status = case.status()
    assert status["stage"] == "Running" and unit in (None, status["unit"]), status
    case.interrupt(how, within, gate.open, stuck=True)
    case.stands_still()
    case.go_on(how)
    case.equal()


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_again_and_again(case, how):
    """Wherever it is just then."""
    case.writer.start()
    case.start("--remove-meta")
    for _ in range(6):
        case.interrupt(how, IN_FLIGHT)
        case.go_on(how)
        case.writer.more(10)
    case.equal()


def test_before_there_is_a_task(case):
    """While start-task looks at the upstream nothing can be paused or stopped; the start comes to its end."""
    gate = case.gate(case.up, "SHOW GRANTS")
    case.writer.start()
    command = Command(case.cluster, "start-task", case.file(**{"ignore-checking-items": None}), "--remove-meta")
    gate.wait(case)
    for order in ("pause-task", "stop-task", "resume-task"):
        refused = Command(case.cluster, order, case.task).answer(AT_ONCE)
        assert not refused.ok and "has no source or not exist" in refused.out, refused
    gate.open()
    assert command.answer(30).ok
    case.equal()


def test_while_units_wait_for_an_upstream_that_says_nothing(case):
    shown, silent = case.up.server, Vip.silent()
    case.up.server = silent
    case.writer.start()
    try:
        case.start("--remove-meta")
        case.cluster.wait_stage(case.task, "New")
        case.interrupt("stop", AT_ONCE, stuck=True)
        case.start()
        case.cluster.wait_stage(case.task, "New")
        case.interrupt("pause", AT_ONCE, stuck=True)
    finally:
        case.up.server = shown
        case.up.cut_all()
        silent.close()
    case.go_on("pause")
    case.equal()


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_while_units_wait_for_a_downstream_that_says_nothing(case, how):
    """In the middle of the load; the worker has just begun."""
    gate = case.gate(case.down, "LOAD DATA", number=7)
    case.writer.start()
    case.start("--remove-meta")
    gate.wait(case)
    shown, silent = case.down.server, Vip.silent()
    try:
        case.cluster.workers["worker1"].kill9()
        case.down.server = silent
        case.down.cut_all()
        gate.open()
        case.cluster.start_worker("worker1", wait=False)
        case.cluster.wait_stage(case.task, "New")
        case.interrupt(how, AT_ONCE, stuck=True)
    finally:
        case.down.server = shown
        case.down.cut_all()
        silent.close()
    case.stands_still()
    case.go_on(how)
    case.equal()


@pytest.mark.parametrize("how", ["pause", "stop"])
@pytest.mark.parametrize("side", ["up", "down"])
def test_while_a_server_is_away(case, side, how):
    """From the middle of the load (down) or of the dump (up) on."""
    proxy = getattr(case, side)
    reached = threading.Event()

    def away(text):
        if reached.is_set() or (("LOAD DATA" in text) if side == "down" else f"FROM `{SCHEMA}`.`a`" in text):
            reached.set()
            raise Cut
        return None

    proxy.on_statement = away
    case.writer.start()
    case.start("--remove-meta")
    wait_for(reached.is_set, "the server goes away")
    case.interrupt(how, IN_FLIGHT, stuck=True, failed=AWAY)
    case.back(proxy)
    case.stands_still()
    case.go_on(how)
    case.equal()
