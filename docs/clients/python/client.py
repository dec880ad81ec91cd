# SPDX-License-Identifier: Apache-2.0
"""A client of tripla in Python, and what it is tested by.

client.py SERVICE_CONFIG HOST:PORT,... COUNT: tries every operation on some keys, and then lets four
threads count to COUNT in one entry. docs/clients.md explains it.
"""
import os
import pathlib
import random
import sys
import threading
import time

import grpc

from tripla.v1 import rpc_status_pb2, tripla_pb2, tripla_pb2_grpc

KEYS = [0, 1, 127, 128, 255, 256, -1, -128, -129, 2**64]
COUNTER = 7420
THREADS = 4


def key_bytes(number):
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(size, "big", signed=True)


class RequestIds:
    """Numbers the writes of one process, and knows which are unanswered."""

    def __init__(self):
        self.client = os.urandom(16)
        self.lock = threading.Lock()
        self.next = 1
        self.unanswered = set()

    def take(self):
        with self.lock:
            sequence = self.next
            self.next += 1
            self.unanswered.add(sequence)
            return tripla_pb2.RequestId(client=self.client, sequence=sequence,
                                        first_unanswered=min(self.unanswered))

    def answered(self, request_id):
        with self.lock:
            self.unanswered.discard(request_id.sequence)


def open_channel(endpoints, service_config):
    return grpc.insecure_channel("ipv4:" + ",".join(endpoints), options=[
        ("grpc.service_config", service_config),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 2_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 50),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ])


def undecided(error):
    """What the server says about a write that it did not answer."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in rpc_status_pb2.RpcStatus.FromString(value).details:
                message = tripla_pb2.Undecided()
                if detail.Unpack(message):
                    return message
    return tripla_pb2.Undecided()


def advice_s(error):
    """How long the server advises to wait; None when it does not advise to come back."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-retry-pushback-ms" and int(value) >= 0:
            return int(value) / 1000
    return None


def send(method, request, seconds=60):
    """Sends a read, or a write with a request id, until it is answered."""
    deadline = time.monotonic() + seconds
    wait = 0.02
    attempt = 1
    while True:
        if hasattr(request, "request_id"):
            request.request_id.attempt = attempt
        left = deadline - time.monotonic()
        try:
            return method(request, timeout=min(left, 5))
        except grpc.RpcError as error:
            advice = advice_s(error)
            again = advice is not None or error.code() in (
                grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                grpc.StatusCode.DEADLINE_EXCEEDED)
            pause = max(advice or 0, wait * random.uniform(0.5, 1))
            applied = undecided(error).applied
            if (not again or applied == tripla_pb2.Undecided.YES
                    or time.monotonic() + pause >= deadline):
                raise
            time.sleep(pause)
            wait = min(wait * 2, 1)
            if applied != tripla_pb2.Undecided.NO:
                attempt += 1  # this one may have arrived


class Client:
    def __init__(self, endpoints, service_config):
        self.stub = tripla_pb2_grpc.KeyValueStub(open_channel(endpoints, service_config))
        self.ids = RequestIds()

    def get(self, key):
        return send(self.stub.Get, tripla_pb2.GetRequest(key=key_bytes(key)))

    def write(self, method, request):
        request.request_id.CopyFrom(self.ids.take())
        reply = send(method, request)
        # Not after an error: its id may be asked about later.
        self.ids.answered(request.request_id)
        return reply

    def set(self, key, timestamp, data):
        return self.write(self.stub.Set, tripla_pb2.SetRequest(
            key=key_bytes(key), timestamp=timestamp, data=data))

    def cas(self, key, timestamp, data, version, if_revision=0):
        return self.write(self.stub.TestAndSet, tripla_pb2.TestAndSetRequest(
            key=key_bytes(key), version=version, if_revision=if_revision,
            value=tripla_pb2.Triple(timestamp=timestamp, data=data)))

    def delete(self, key):
        return self.write(self.stub.Del, tripla_pb2.DelRequest(key=key_bytes(key)))

    def update(self, key, decide):
        """Replaces the data of an entry by decide(data); decides again if the entry has changed."""
        stored = self.get(key)
        wait = 0.001
        while True:
            reply = self.cas(key, 0, decide(stored.value.data), stored.value.version,
                             stored.revision)
            if reply.result != tripla_pb2.ERROR_WV:
                return reply
            stored = reply
            time.sleep(random.uniform(wait / 2, wait))
            wait = min(wait * 2, 0.064)


def expect(is_so, what):
    if not is_so:
        sys.exit(f"client.py: {what}")


def try_operations(client, key):
    text = str(key).encode()
    expect(client.set(key, -5, text).result == tripla_pb2.SUCCESS, f"set {key}")
    again = client.set(key, 1, b"other")
    expect(again.result == tripla_pb2.ERROR and again.value.data == text, f"set {key} again")
    expect(client.get(key).value == tripla_pb2.Triple(version=1, timestamp=-5, data=text),
           f"get {key}")
    expect(client.cas(key, 2, b"new", 1).value.data == text, f"cas {key}")
    late = client.cas(key, 2, b"newer", 1)
    expect(late.result == tripla_pb2.ERROR_WV and late.value.version == 2, f"late cas {key}")
    expect(client.delete(key).value.data == b"new", f"del {key}")
    expect(not client.get(key).HasField("value"), f"get {key} after del")
    expect(client.set(key, -5, text).result == tripla_pb2.SUCCESS, f"set {key} anew")


def count(client, target):
    done = 0
    lock = threading.Lock()

    def add():
        nonlocal done
        for _ in range(target // THREADS):
            reply = client.update(COUNTER, lambda data: str(int(data) + 1).encode())
            expect(reply.result == tripla_pb2.SUCCESS, "an increment")
            with lock:
                done += 1
                if done % (target // 10) == 0:
                    print("counted", done, flush=True)

    threads = [threading.Thread(target=add) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def main():
    service_config = pathlib.Path(sys.argv[1]).read_text()
    client = Client(sys.argv[2].split(","), service_config)
    for key in KEYS:
        try_operations(client, key)
    client.set(COUNTER, 0, b"0")
    done = count(client, int(sys.argv[3]))
    stored = client.get(COUNTER).value
    print("done", done, "stored", stored.data.decode(), "version", stored.version, flush=True)


if __name__ == "__main__":
    main()
