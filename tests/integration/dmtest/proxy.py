"""A proxy between a program and a database server that reads what passes through and fails where a test says so."""
import select
import socket
import threading

from .waiting import lasts

_QUERY, _BINLOG_DUMP, _PREPARE, _BINLOG_DUMP_GTID = 0x03, 0x12, 0x16, 0x1E
_BULK_EXECUTE = 0xFA  # MariaDB's: a statement that was prepared, for many rows
_MORE_RESULTS = 0x0008


class Cut(Exception):
    """Raised by a rule: both sides of this connection are closed."""


class Instead:
    """What a rule says of a statement: the server gets this text."""

    def __init__(self, text):
        self.text = text


class Fails:
    """What a rule says of a statement: the server does not get it, the client gets this error; `ends`: and the connection breaks."""

    def __init__(self, number, message, state="HY000", ends=False):
        self.number, self.message, self.state, self.ends = number, message, state, ends


class LostAnswer:
    """What a rule says of a statement: the server executes it, then the connection breaks before the client has the answer."""


class HalfAnswer:
    """What a rule says of a statement: as LostAnswer, but the first bytes of the last answer arrive."""


class CutBehindAnswer:
    """What a rule says of a statement: the connection breaks as soon as the client has the answer."""


class HalfStatement:
    """What a rule says of a statement: the server gets the first half of its bytes, then the connection breaks."""


class InHalves:
    """What a rule says of a statement: the server gets the second half of its bytes when `wait()` has returned."""

    def __init__(self, wait):
        self.wait = wait


class HeldAnswer:
    """What a rule says of a statement: the server executes it; the client gets the last answer when `wait()` has returned."""

    def __init__(self, wait):
        self.wait = wait


class FalseAnswer:
    """What a rule says of a statement: the server executes it, and instead of its last answer the client gets this error."""

    def __init__(self, number, message, state="HY000"):
        self.number, self.message, self.state = number, message, state


def raising(text, position, number, message):
    """What makes a MariaDB or MySQL itself answer this error where it meets the statement at `position` of a text of several, instead
    of executing it. (No literal of the text may have a semicolon.)"""
    statements = text.split(";")
    literal = message.replace("'", "''")
    statements[position] = f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{literal}'"
    return Instead(";".join(statements))


class CutClient:
    """What a rule says of a statement: the server gets this text (nothing if it is empty, what the client has sent if there is none),
    and then never anything again: it does not learn that the client is gone."""

    def __init__(self, text=None):
        self.text = text


class Proxy:
    """Listens on `port` of 127.0.0.1 (or another address) for a server there; connections without TLS only.

    Rules are called by several threads and may block, which holds up that direction of their connection. `on_statement(text)`
    returns None (pass on) or one of the classes above, or raises Cut; `on_event(kind, event)` gets each event of a binlog stream (type
    code and bytes from its header on) and returns the bytes to pass on, Fails, or raises Cut. `on_prepare(text)` is a rule of a statement
    that is to be prepared (FalseAnswer is none of it), `on_bulk(text, number)` of a bulk execution of that text, the first, second, … of
    its connection since the last statement that was not prepared: both say what `on_statement` may say. `on_request(size)` is called when the
    head of a client's packet has come and nothing of its content was read; if it returns True all that follows on this connection
    is passed on as it comes, complete or not. `link()` is the connection that a rule is called for.

    `trickle`: None, or (bytes, seconds): whatever passes is cut into pieces of so many bytes with so long a pause behind each."""

    def __init__(self, server, host="127.0.0.1", receive_buffer=None):
        """`receive_buffer`: bytes that may wait unread on a client's connection."""
        self.server = server
        self.on_statement = self.on_prepare = lambda text: None
        self.on_bulk = lambda text, number: None
        self.on_event = lambda kind, event: event
        self.on_request = lambda size: False
        self.trickle = None
        self._local = threading.local()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.lock, self.links, self.ended = threading.Lock(), set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.ended:
                    client.close()
                    return
            try:
                _Link(self, client).start()
            except OSError:
                client.close()

    def link(self):
        return self._local.link

    def cut_all(self):
        with self.lock:
            links = list(self.links)
        for link in links:
            link.close()

    def connections(self):
        with self.lock:
            return len(self.links)

    def stop(self):
        with self.lock:
            self.ended = True
        # close() alone does not wake accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut_all()


class _Link:
    """One connection through the proxy. `thread`: the server's number of it, when it has said it. `bulks`: texts of the bulk executions
    since the last statement that was not prepared; those before it while its rule is called."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.upstream = socket.create_connection(("127.0.0.1", proxy.server.port))
        for side in (client, self.upstream):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.thread = None
        self.streams = False  # a binlog stream has been asked for
        self.verdict = None  # what becomes of the last answer to the statement that is being executed
        self.preparing = None  # text of the statement that is being prepared
        self.prepared = {}  # texts by the server's number
        self.bulks = []
        self.silent = False  # the client is cut off, and the server is not told

    def start(self):
        with self.proxy.lock:
            self.proxy.links.add(self)
        for pump in (self._from_client, self._from_server):
            threading.Thread(target=self._guarded, args=(pump,), daemon=True).start()

    def close(self):
        with self.proxy.lock:
            self.proxy.links.discard(self)
        for side in (self.client, self.upstream):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def client_has_gone(self):
        """Whether it has ended its direction, whatever of it has not been read yet."""
        poll = select.poll()
        poll.register(self.client, select.POLLRDHUP)
        return bool(poll.poll(0))

    def _guarded(self, pump):
        self.proxy._local.link = self
        try:
            pump()
        except (OSError, EOFError, Cut):
            pass
        if not self.silent:
            self.close()

    @staticmethod
    def _read(side, size):
        parts = []
        while size:
            part = side.recv(min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _packet(self, side, asks=None):
        """Sequence number and content of a packet of any length. None: `asks` has said that it is passed on as it comes."""
        content = b""
        while True:
            head = self._read(side, 4)
            size = int.from_bytes(head[:3], "little")
            if asks and asks(size):
                self.upstream.sendall(head)
                while part := side.recv(1 << 16):
                    self.upstream.sendall(part)
                return None
            content += self._read(side, size)
            if size < 0xFFFFFF:
                return head[3], content

    @staticmethod
    def _bytes(number, content):
        """`number` is that of the last of the packets."""
        count = len(content) // 0xFFFFFF
        out = []
        for i in range(count + 1):
            piece = content[i * 0xFFFFFF:(i + 1) * 0xFFFFFF]
            out.append(len(piece).to_bytes(3, "little") + bytes([(number - count + i) & 0xFF]) + piece)
        return b"".join(out)

    def _send(self, side, number, content, part=1.0):
        """`part`: how much of it is sent."""
        data = self._bytes(number, content)
        if part < 1:
            data = data[:max(1, int(len(data) * part))]
        if self.proxy.trickle is None:
            side.sendall(data)
            return
        step, pause = self.proxy.trickle
        for at in range(0, len(data), step):
            side.sendall(data[at:at + step])
            lasts(pause)

    def _from_client(self):
        while True:
            packet = self._packet(self.client, self.proxy.on_request)
            if packet is None:
                return
            number, content = packet
            first = content[0] if content and number == 0 else None
            if first in (_BINLOG_DUMP, _BINLOG_DUMP_GTID):
                self.streams = True
            elif first in (_QUERY, _PREPARE, _BULK_EXECUTE):
                verdict = self._asks(first, content)
                if isinstance(verdict, Instead):
                    content = _query(verdict.text)
                    self.preparing = None
                elif self._fails(verdict, number, content):
                    continue
                elif isinstance(verdict, CutClient):
                    self.silent = True
                    self.client.shutdown(socket.SHUT_RDWR)  # first: it gets no answer
                    if verdict.text != "":
                        self._send(self.upstream, number, content if verdict.text is None else _query(verdict.text))
                    return
                else:
                    self.verdict = verdict
            self._send(self.upstream, number, content)

    def _asks(self, command, content):
        """What the rule for it says."""
        if command == _QUERY:
            verdict = self.proxy.on_statement(_text(content))
            self.bulks = []
            return verdict
        if command == _PREPARE:
            self.preparing = _text(content)
            return self.proxy.on_prepare(self.preparing)
        self.bulks.append(self.prepared[content[1:5]])
        return self.proxy.on_bulk(self.bulks[-1], len(self.bulks))

    def _fails(self, verdict, number, content):
        """True: nothing more is to be sent for it."""
        if isinstance(verdict, Fails):
            self.preparing = None
            self._send(self.client, 1, _error(verdict))
            if verdict.ends:
                raise Cut
            return True
        if isinstance(verdict, HalfStatement):
            self._send(self.upstream, number, content, 0.5)
            raise Cut
        if isinstance(verdict, InHalves):
            self._send(self.upstream, number, content, 0.5)
            verdict.wait()
            rest = self._bytes(number, content)
            self.upstream.sendall(rest[max(1, len(rest) // 2):])
            return True
        return False

    def _from_server(self):
        while True:
            number, content = self._packet(self.upstream)
            if self.thread is None and content[:1] == b"\x0a":  # the handshake: version, then the number
                at = content.index(b"\0", 1) + 1
                self.thread = int.from_bytes(content[at:at + 4], "little")
            elif self.preparing is not None:
                text, self.preparing = self.preparing, None
                if content[:1] == b"\x00":
                    self.prepared[content[1:5]] = text
                if self.verdict is not None and self._judge(True, number, content):
                    continue
            elif self.verdict is not None:
                last = content[:1] == b"\xff" or (content[:1] == b"\x00" and not _has_more(content))
                if self._judge(last, number, content):
                    continue
            if self.streams and content[:1] == b"\x00" and len(content) > 19:
                event = self.proxy.on_event(content[5], content[1:])
                content = _error(event) if isinstance(event, Fails) else b"\x00" + event
            self._send(self.client, number, content)

    def _judge(self, last, number, content):
        """Does what a rule has said of a statement with an answer of the server to it; False: it is to be passed on."""
        verdict = self.verdict
        if isinstance(verdict, (LostAnswer, HalfAnswer)):
            if last and isinstance(verdict, HalfAnswer):
                self._send(self.client, number, content, 0.5)
            if last:
                raise Cut
            return isinstance(verdict, LostAnswer)
        if not last:
            return False
        self.verdict = None
        if isinstance(verdict, HeldAnswer):
            verdict.wait()
            return False
        if isinstance(verdict, FalseAnswer):
            content = _error(verdict)
        self._send(self.client, number, content)
        if isinstance(verdict, CutBehindAnswer):
            raise Cut
        return True


def _text(content):
    return content[1:].decode("utf-8", "surrogateescape")


def _query(text):
    return bytes([_QUERY]) + text.encode("utf-8", "surrogateescape")


def _error(said):
    return b"\xff" + said.number.to_bytes(2, "little") + b"#" + said.state.encode() + said.message.encode()


def _has_more(ok):
    """Does an OK packet say that another result follows?"""
    at = 1
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(ok[at], 1)
    return bool(int.from_bytes(ok[at:at + 2], "little") & _MORE_RESULTS)
