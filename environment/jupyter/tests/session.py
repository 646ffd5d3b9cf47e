"""A kernel under test, and what one cell of it did."""

import os
import queue
import time
from dataclasses import dataclass, field

from jupyter_client.manager import KernelManager

# Machines that run tests are busy; nothing here is slow where it works.
PATIENCE = 300


@dataclass
class Outcome:
    """What came of a cell: the reply, and the messages in order with the second they came in."""

    reply: dict
    messages: list = field(default_factory=list)

    @property
    def status(self):
        return self.reply["status"]

    def text(self, stream="stdout"):
        contents = (content for _, kind, content in self.messages if kind == "stream")
        return "".join(c["text"] for c in contents if c["name"] == stream)

    def kinds(self):
        return [kind for _, kind, _ in self.messages]

    def first(self, kind):
        return next(content for _, k, content in self.messages if k == kind)


class Session:
    """A running kernel."""

    def __init__(self, env=None, cwd=None):
        self.manager = KernelManager(kernel_name="cuaderno")
        start = time.monotonic()
        self.manager.start_kernel(env=env or dict(os.environ), cwd=cwd)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.ready_after = time.monotonic() - start

    @property
    def process(self):
        return self.manager.provisioner.process

    def close(self, now=False):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)

    def send(self, code, **options):
        return self.client.execute(code, **options)

    def run(self, code, typed=None, on_message=None):
        """Runs a cell; `on_message` sees each message as it comes."""
        return self.outcome(self.send(code, allow_stdin=typed is not None), typed, on_message)

    def complete(self, code):
        """What could stand at the end of `code`."""
        return self._reply(self.client.complete(code, len(code)))["matches"]

    def inspect(self, code):
        """What is known of what stands at the end of `code`, by mime type."""
        return self._reply(self.client.inspect(code, len(code)))["data"]

    def _reply(self, request):
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"]

    def outcome(self, request, typed=None, on_message=None):
        start = time.monotonic()
        messages = []
        while True:
            if time.monotonic() - start > PATIENCE:
                raise TimeoutError(f"the cell did not end; it sent {messages}")
            if typed is not None:
                try:
                    self.client.get_stdin_msg(timeout=0.02)
                    self.client.input(typed)
                except queue.Empty:
                    pass
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("status", "execute_input"):
                continue
            messages.append((time.monotonic() - start, kind, content))
            if on_message:
                on_message(kind, content)
        return Outcome(self._reply(request), messages)


def processes_in_session(leader):
    """The processes that belong to the session of process `leader`, as /proc tells."""
    return [process for process, _ in _processes_in_session(leader)]


def runtime_of(leader):
    """The process that runs the cells of kernel `leader`."""
    return next(process for process, name in _processes_in_session(leader) if b"runtime" in name)


def _processes_in_session(leader):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                state, _, _, session = stat.read().rsplit(")", 1)[1].split()[:4]
            with open(f"/proc/{name}/cmdline", "rb") as arguments:
                command = arguments.read().split(b"\0")
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append((int(name), command))
    return found
