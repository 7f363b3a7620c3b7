"""A proxy between a program and a database server that reads what passes through and fails where a test says so."""
import socket
import threading

_QUERY, _BINLOG_DUMP, _BINLOG_DUMP_GTID = 0x03, 0x12, 0x1E
_MORE_RESULTS = 0x0008


class Cut(Exception):
    """Raised by a rule: both sides of this connection are closed."""


class Instead:
    """What a rule says of a statement: the server gets this text."""

    def __init__(self, text):
        self.text = text


class Fails:
    """What a rule says of a statement: the server does not get it, the client gets this error."""

    def __init__(self, number, message, state="HY000"):
        self.number, self.message, self.state = number, message, state


class LostAnswer:
    """What a rule says of a statement: the server executes it, then the connection breaks before the client has the answer."""


class CutClient:
    """What a rule says of a statement: the server gets this text (nothing if it is empty), and then never anything again: it does
    not learn that the client is gone."""

    def __init__(self, text):
        self.text = text


class Proxy:
    """Listens on `port` of 127.0.0.1 (or another address) for a server there; connections without TLS only.

    Rules are called by several threads: `on_statement(text)` returns None (pass on), Instead, Fails, LostAnswer or CutClient,
    or raises Cut; `on_event(kind, event)` gets each event of a binlog stream (type code and bytes from its header on) and returns the
    bytes to pass on, or raises Cut."""

    def __init__(self, server, host="127.0.0.1"):
        self.server = server
        self.on_statement = lambda text: None
        self.on_event = lambda kind, event: event
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
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
    """One connection through the proxy."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.upstream = socket.create_connection(("127.0.0.1", proxy.server.port))
        for side in (client, self.upstream):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.streams = False  # a binlog stream has been asked for
        self.swallow = False  # the answer to the last statement gets lost
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

    def _guarded(self, pump):
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

    def _packet(self, side):
        """Sequence number and content of a packet of any length."""
        content = b""
        while True:
            head = self._read(side, 4)
            size = int.from_bytes(head[:3], "little")
            content += self._read(side, size)
            if size < 0xFFFFFF:
                return head[3], content

    @staticmethod
    def _send(side, number, content):
        """`number` is that of the last of the packets."""
        count = len(content) // 0xFFFFFF
        out = []
        for i in range(count + 1):
            piece = content[i * 0xFFFFFF:(i + 1) * 0xFFFFFF]
            out.append(len(piece).to_bytes(3, "little") + bytes([(number - count + i) & 0xFF]) + piece)
        side.sendall(b"".join(out))

    def _from_client(self):
        while True:
            number, content = self._packet(self.client)
            first = content[0] if content and number == 0 else None
            if first in (_BINLOG_DUMP, _BINLOG_DUMP_GTID):
                self.streams = True
            elif first == _QUERY:
                verdict = self.proxy.on_statement(content[1:].decode("utf-8", "surrogateescape"))
                if isinstance(verdict, Instead):
                    content = bytes([_QUERY]) + verdict.text.encode("utf-8", "surrogateescape")
                elif isinstance(verdict, Fails):
                    error = b"\xff" + verdict.number.to_bytes(2, "little") + b"#" + verdict.state.encode() + verdict.message.encode()
                    self._send(self.client, 1, error)
                    continue
                elif isinstance(verdict, LostAnswer):
                    self.swallow = True
                elif isinstance(verdict, CutClient):
                    self.silent = True
                    if verdict.text:
                        self._send(self.upstream, number, bytes([_QUERY]) + verdict.text.encode("utf-8", "surrogateescape"))
                    self.client.shutdown(socket.SHUT_RDWR)
                    return
            self._send(self.upstream, number, content)

    def _from_server(self):
        while True:
            number, content = self._packet(self.upstream)
            if self.swallow:
                if content[:1] == b"\xff" or (content[:1] == b"\x00" and not _has_more(content)):
                    raise Cut
                continue
            if self.streams and content[:1] == b"\x00" and len(content) > 19:
                content = b"\x00" + self.proxy.on_event(content[5], content[1:])
            self._send(self.client, number, content)


def _has_more(ok):
    """Does an OK packet say that another result follows?"""
    at = 1
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(ok[at], 1)
    return bool(int.from_bytes(ok[at:at + 2], "little") & _MORE_RESULTS)
