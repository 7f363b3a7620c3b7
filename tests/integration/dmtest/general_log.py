"""Who wrote when, by what a MariaDB logs: the general log has each packet as it arrives, the slow log (with a limit of 0 s) each statement
when it has ended, so also how far a packet of several got."""
import re

_PACKET = re.compile(r"^(?:\d{6} +\d+:\d\d:\d\d)?\t+ *(\d+) (Connect|Query)\t(.*)$")
_WRITES = re.compile(r"\s*(INSERT|REPLACE|UPDATE|DELETE|LOAD DATA|ALTER|DROP|TRUNCATE|RENAME|CREATE (?!TABLE IF NOT EXISTS|SCHEMA IF NOT EXISTS))", re.I)
_PROOF = re.compile(r"SET slot = IF\(epoch = (\d+), slot")

OPTIONS = {"log_output": "FILE", "long_query_time": "0"}  # of the server


class _File:
    def __init__(self, path):
        self.path, self.offset = path, 0

    def lines(self):
        """Whole lines that are new."""
        with open(self.path, "rb") as log:
            log.seek(self.offset)
            data = log.read()
        data = data[:data.rfind(b"\n") + 1]
        self.offset += len(data)
        return data.decode("utf-8", "replace").split("\n")[:-1]


class Writers:
    """Judges both logs: who writes has the right to, by a claim behind which no other one came. `figures`: a counter."""

    def __init__(self, general, executed, user, owner_table, figures):
        self.general, self.executed = _File(general), _File(executed)
        self.user, self.table, self.figures = user, owner_table, figures
        # Of packets: who has claimed last, with which epochs it began (None until its first proof).
        self.addresses, self.raised, self.owner, self.epoch, self.late = {}, set(), None, None, []
        # Of statements that have ended: the same, and connections in a transaction that has written.
        self.thread, self.head, self.done_raised, self.done_owner, self.writing = None, None, set(), None, set()
        self.has_written = False  # since its claim

    def read(self):
        """Reads on; the addresses that have claimed since the last reading."""
        for line in self.general.lines():
            match = _PACKET.match(line)
            if match:
                self._packet(int(match[1]), match[2], match[3])
        self._judge_late()
        claims = []
        for line in self.executed.lines():
            if line.startswith("# User@Host: "):
                self.head = re.match(r"# User@Host: (\w+)\[.*\] @ .*?\[(.*)\]", line).groups()
            elif line.startswith("# Thread_id: "):
                self.thread = int(line.split()[2])
            elif self.head and not line.startswith(("#", "SET timestamp=", "use ")):
                (user, address), self.head = self.head, None  # what follows are more lines of the statement
                if user == self.user and address and not address.startswith("127."):
                    claims += self._statement(self.thread, address, line)
        return claims

    def _is_claim(self, connection, text, raised):
        """The UPDATE before it has got the rows' locks: whatever had them has ended."""
        if text.startswith("UPDATE") and "epoch = GREATEST" in text:
            raised.add(connection)
        return text.startswith("SELECT slot, epoch") and connection in raised

    def _packet(self, connection, kind, text):
        if kind == "Connect":
            user, _, rest = text.partition("@")
            self.addresses[connection] = rest.split(" ")[0] if user == self.user and not rest.startswith("127.") else None
            return
        address = self.addresses.get(connection)
        if address is None:
            return
        if self.table in text and self._is_claim(connection, text, self.raised):
            self._judge_late()
            self.raised.discard(connection)
            self.owner, self.epoch = address, None
            return
        proof = _PROOF.search(text)
        writes = any(_WRITES.match(part) and self.table not in part for part in text.split(";"))
        if not writes:
            return
        self.figures["packets that write"] += 1
        if self.owner is None or address == self.owner:
            self.owner = address
            if proof:
                epoch = int(proof[1])
                self.epoch = epoch if self.epoch is None else min(self.epoch, epoch)
        else:
            assert proof, f"{address} sent rows without a proof, {self.owner} had claimed: {text[:300]}"
            self.late.append((address, int(proof[1]), text[:300]))

    def _judge_late(self):
        if self.epoch is None:
            return
        for address, epoch, text in self.late:
            assert epoch < self.epoch, f"{address} proves epoch {epoch}, {self.owner} began with {self.epoch}: {text}"
            self.figures["packets that came too late (refused)"] += 1
        self.late = []

    def _statement(self, connection, address, text):
        if self.table in text:
            if self._is_claim(connection, text, self.done_raised):
                self.done_raised.discard(connection)
                self.done_owner, self.has_written = address, False
                return [address]
        elif re.match(r"(BEGIN|START TRANSACTION|ROLLBACK)", text):
            self.writing.discard(connection)
        elif re.match(r"COMMIT", text):
            if connection in self.writing:
                self.writing.discard(connection)
                self._wrote(address, "COMMIT")
        elif _WRITES.match(text):
            self.writing.add(connection)
            self._wrote(address, text)
        return []

    def _wrote(self, address, text):
        self.figures["statements that wrote"] += 1
        self.done_owner = self.done_owner or address  # the log begins in the middle of a run
        if address == self.done_owner:
            self.has_written = True
            return
        if text == "COMMIT" and not self.has_written:
            # The one that the claim has waited for: locks are free a moment before its end is noted.
            self.figures["COMMITs that a claim waited for"] += 1
            return
        self.figures["statements beside the owner"] += 1
        raise AssertionError(f"{address} wrote, {self.done_owner} had claimed: {text[:300]}")
