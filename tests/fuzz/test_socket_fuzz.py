"""Raw bytes on a websocket: the documented close code, no traceback, the next client is served."""

import base64
import os
import random
import socket
import struct
from urllib.parse import urlsplit

import pytest

from rig import REFUND, finished, running_stack, submit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SEED = int(os.environ.get("SIMULATOR_FUZZ_SEED", "11"))
FRAMES = int(os.environ.get("SIMULATOR_FUZZ_FRAMES", "300"))
TEXT, BINARY, CONTINUATION, CLOSE, PING = 1, 2, 0, 8, 9
KNOWN_CODES = {1000, 1002, 1003, 1007, 1009, 1011, 4004, 4008, 4029, 4400}


@pytest.fixture(scope="module")
def stack():
    with running_stack() as running:
        yield running


def frame(opcode, payload=b"", *, fin=True, rsv=0, masked=True, length=None):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    size = len(payload) if length is None else length
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return head + payload
    mask = b"\x01\x02\x03\x04"
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class Raw:
    """A websocket without a library between the bytes and the server."""

    def __init__(self, stack, path):
        address = urlsplit(stack.base_url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=8)
        key = base64.b64encode(b"0123456789abcdef").decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            more = self.socket.recv(4096)
            assert more, self.rest
            self.rest += more
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def _take(self, count):
        while len(self.rest) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.rest += more
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def close_code(self):
        """The code of the server's close frame; None when the connection ends without one."""
        try:
            while True:
                first, second = self._take(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", self._take(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", self._take(8))
                payload = self._take(size)
                if first & 0x0F == CLOSE:
                    return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
        except (EOFError, OSError):
            return None
        finally:
            self.socket.close()


CASES = {
    "unknown opcode": ([frame(3, b"x")], {1002}),
    "unknown control opcode": ([frame(11)], {1002}),
    "RSV bit": ([frame(TEXT, b"{}", rsv=4)], {1002}),
    "unmasked": ([frame(TEXT, b"{}", masked=False)], {1002}),
    "invalid UTF-8": ([frame(TEXT, b"\xc3\x28\xff")], {1007}),
    "oversized": ([frame(TEXT, b"x" * (64 * 1024 + 1))], {1009}),
    "claims 2**62 bytes": ([frame(TEXT, length=2**62)], {1009}),
    "fragments beyond the limit": ([frame(TEXT, b"x" * 40_000, fin=False), frame(CONTINUATION, b"x" * 40_000)], {1009}),
    "continuation of nothing": ([frame(CONTINUATION, b"x")], {1002}),
    "text inside a fragmented text": ([frame(TEXT, b"a", fin=False), frame(TEXT, b"b")], {1002}),
    "fragmented ping": ([frame(PING, b"a", fin=False)], {1002}),
    "long ping": ([frame(PING, b"a" * 126)], {1002}),
    "close with one byte": ([frame(CLOSE, b"\x03")], {1002}),
    "close with a forbidden code": ([frame(CLOSE, struct.pack("!H", 1005))], {1002}),
    "close with invalid UTF-8": ([frame(CLOSE, struct.pack("!H", 1000) + b"\xff")], {1002, 1007}),
    "ordinary close": ([frame(CLOSE, struct.pack("!H", 1000))], {1000}),
    "flood of frames": ([frame(TEXT, b"ping")] * 200, {4029}),
    "flood of binary frames": ([frame(BINARY, b"\x00\x01")] * 200, {4029}),
}  # fmt: skip


@pytest.fixture(scope="module")
async def simulation_id(stack):
    async with stack.client() as client:
        made = (await submit(client, options={"tasks": 10}))["simulation_id"]
        await finished(client, made)
    return made


def has_tracebacks(stack):
    return [line[:300] for line in stack.log("gateway").splitlines() if "Traceback" in line]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
async def test_what_breaks_the_protocol_is_closed_with_its_code(stack, simulation_id, case):
    frames, codes = CASES[case]
    raw = Raw(stack, f"/ws/{simulation_id}")
    for one in frames:
        raw.send(one)

    assert raw.close_code() in codes
    assert has_tracebacks(stack) == []


async def test_ten_thousand_tiny_fragments_are_one_short_message(stack, simulation_id):
    raw = Raw(stack, f"/ws/{simulation_id}")
    raw.send(frame(TEXT, b"p", fin=False))
    for _ in range(10_000):
        raw.send(frame(CONTINUATION, b"", fin=False))
    raw.send(frame(CONTINUATION, b"ing"))
    raw.send(frame(CLOSE, struct.pack("!H", 1000)))

    assert raw.close_code() in {1000, 1009}


async def test_random_frames_never_harm_the_gateway(stack, simulation_id):
    chance = random.Random(SEED)
    seen = {}
    pid = stack.pid("gateway")
    for _ in range(FRAMES // 5):
        raw = Raw(stack, f"/ws/{simulation_id}")
        for _ in range(5):
            kind = chance.random()
            if kind < 0.3:
                raw.send(chance.randbytes(chance.randint(1, 300)))
            else:
                raw.send(
                    frame(
                        chance.randrange(16),
                        chance.randbytes(chance.choice((0, 1, 50, 130, 70_000))),
                        fin=chance.random() < 0.7,
                        rsv=chance.choice((0, 0, 0, 1, 4)),
                        masked=chance.random() < 0.9,
                    )
                )
        raw.send(frame(CLOSE, struct.pack("!H", 1000)))
        raw.socket.settimeout(2)
        code = raw.close_code()
        seen[code] = seen.get(code, 0) + 1
    print(f"\n{FRAMES} random frames, seed {SEED}: close codes {seen}")

    assert set(seen) <= KNOWN_CODES | {None}
    assert stack.pid("gateway") == pid
    assert has_tracebacks(stack) == []
    async with stack.client() as client:
        made = await submit(client, REFUND, options={"tasks": 10})
        assert (await finished(client, made["simulation_id"]))["status"] == "completed"
