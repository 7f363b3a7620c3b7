"""Who wrote when, by the general log of a MariaDB."""
import re

_LINE = re.compile(r"^(?:\d{6} +\d+:\d\d:\d\d)?\t+ *(\d+) (Connect|Query|Quit|Execute|Init DB|Ping)\t?(.*)$")
_WRITES = re.compile(r"^\s*(INSERT|REPLACE|UPDATE|DELETE|LOAD DATA|ALTER|DROP|TRUNCATE|RENAME|CREATE (?!TABLE IF NOT EXISTS|SCHEMA IF NOT EXISTS))", re.I)


class Claim:
    """A connection of this address has the right to write from here on."""

    def __init__(self, address):
        self.address = address


class Write:
    """A statement of this address that changes something, or the COMMIT behind such ones."""

    def __init__(self, address, text):
        self.address, self.text = address, text


class Refused:
    """A transaction of this address ended at the proof of its right to write: nothing of it was executed."""

    def __init__(self, address):
        self.address = address


class GeneralLog:
    """Read on from where the last reading ended. `owner`: the table in which runs claim the right to write."""

    def __init__(self, path, user, owner):
        self.path, self.user, self.owner, self.offset = path, user, owner, 0
        self.addresses = {}  # by connection
        self.raised, self.open = set(), {}  # connections that have raised epochs; those in a transaction, and if it has written

    def events(self):
        with open(self.path, "rb") as log:
            log.seek(self.offset)
            data = log.read()
        data = data[:data.rfind(b"\n") + 1]
        self.offset += len(data)
        found = []
        for line in data.decode("utf-8", "replace").split("\n"):
            match = _LINE.match(line)
            if match:
                found.extend(self._event(int(match[1]), match[2], match[3]))
        return found

    def _event(self, connection, kind, text):
        if kind == "Connect":
            user, _, rest = text.partition("@")
            self.addresses.pop(connection, None)
            self.open.pop(connection, None)
            self.raised.discard(connection)
            if user == self.user:
                self.addresses[connection] = rest.split(" ")[0]
            return
        address = self.addresses.get(connection)
        if address is None:
            return
        if kind == "Quit":
            if self.open.pop(connection, None) == "proved":
                yield Refused(address)
            return
        if kind != "Query":
            return
        if self.owner in text:
            if "SET slot = IF(epoch" in text:
                self.open[connection] = "proved"
            elif text.startswith("UPDATE") and "epoch = GREATEST" in text:
                self.raised.add(connection)
            elif text.startswith("SELECT slot, epoch") and connection in self.raised:
                # The UPDATE has got the rows' locks: whatever had them has ended.
                self.raised.discard(connection)
                yield Claim(address)
            return
        state = self.open.get(connection)
        if re.match(r"\s*(BEGIN|START TRANSACTION)", text):
            self.open[connection] = "begun"
        elif re.match(r"\s*ROLLBACK", text):
            if state == "proved":
                yield Refused(address)
            self.open.pop(connection, None)
        elif re.match(r"\s*COMMIT", text):
            if self.open.pop(connection, None) == "written":
                yield Write(address, "COMMIT")
        elif _WRITES.match(text):
            if state:
                self.open[connection] = "written"
            yield Write(address, text[:200])
