"""What must not happen and does: lost processes, no memory, no home."""

import os
import resource
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from session import PATIENCE, Session, runtime_of


def rust(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wait_until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class Cells(unittest.TestCase):
    def setUp(self):
        self.session = Session()
        self.addCleanup(self.session.close)
        self.session.run("let kept = 7;")

    def runtime(self):
        return runtime_of(self.session.process.pid)

    def assert_goes_on(self):
        self.assertEqual(self.session.run("1 + 1").first("execute_result")["data"]["text/plain"], "2")

    def test_the_process_is_killed(self):
        kill = lambda kind, content: kind == "stream" and os.kill(self.runtime(), signal.SIGKILL)
        outcome = self.session.run('println!("begun");\nloop {}', on_message=kill)
        self.assertEqual(outcome.reply["ename"], "ProcessLost")
        self.assertIn("signal: 9", outcome.reply["evalue"])
        self.assertIn("Variables lost: kept.", outcome.reply["traceback"])
        self.assert_goes_on()

    def test_the_process_is_killed_between_cells(self):
        runtime = self.runtime()
        os.kill(runtime, signal.SIGKILL)
        outcome = self.session.run("kept + 1")
        self.assertEqual(outcome.reply["ename"], "ProcessLost")
        self.assert_goes_on()

    def test_memory_is_short(self):
        resource.prlimit(self.runtime(), resource.RLIMIT_AS, (2 << 30, 2 << 30))
        outcome = self.session.run("let mut all = vec![];\nloop { all.push(vec![1u8; 64 << 20]); }")
        self.assertEqual(outcome.reply["ename"], "ProcessLost")
        self.assertIn("runs out of memory", outcome.reply["evalue"])
        self.assertIn("memory allocation of", outcome.text("stderr"))
        self.assertIn("Variables lost: kept.", outcome.reply["traceback"])
        self.assert_goes_on()

    def test_a_cell_forks(self):
        outcome = self.session.run(
            'unsafe extern "C" { fn fork() -> i32; }\n'
            "let child = unsafe { fork() };\n"
            'println!("{}", if child == 0 { "child" } else { "parent" });\n'
            "if child == 0 { std::thread::sleep(std::time::Duration::from_millis(500)); }"
        )
        self.assertEqual(outcome.status, "ok")
        self.assertIn("parent", outcome.text())
        for number in range(4):
            self.assertEqual(
                self.session.run(f"kept + {number}").first("execute_result")["data"]["text/plain"],
                str(7 + number),
            )


class Rebuild(unittest.TestCase):
    """A support crate that must be built anew, by a cargo that is killed before it is done."""

    def test_it_is_shown_and_one_that_was_killed_is_told_and_tried_again(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        toolchain = Path(folder.name)
        sysroot = Path(rust(["rustc", "--print", "sysroot"]))

        def script(name, text):
            path = toolchain / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\n{text}")
            path.chmod(0o755)
            return path

        (toolchain / "lib").symlink_to(sysroot / "lib")
        # The first two builds take long.
        script(
            "bin/cargo",
            f'unset RUSTC\nif [ "$1" = build ]; then for build in 1 2; do\n'
            f"if mkdir {toolchain}/$build 2>/dev/null; then\n"
            f'echo "   Compiling cuaderno v0.1.0" >&2; echo $$ > {toolchain}/$build/process\n'
            f'exec sleep 600; fi; done; fi\nexec {sysroot}/bin/cargo "$@"\n',
        )
        (toolchain / "bin" / "rustc").symlink_to(sysroot / "bin" / "rustc")
        rustc = script(
            "rustc",
            f'[ "$*" = "--print sysroot" ] && echo {toolchain} || exec {sysroot}/bin/rustc "$@"\n',
        )

        def kill_build(number):
            process = toolchain / str(number) / "process"
            wait_until(lambda: process.exists() and process.read_text().endswith("\n"))
            os.kill(int(process.read_text()), signal.SIGKILL)

        session = Session(env=dict(os.environ, RUSTC=str(rustc)))
        self.addCleanup(session.close)
        wait_until((toolchain / "1" / "process").exists)
        request = session.send("1 + 1")
        # The cell comes while the kernel builds for itself; then it tries again for the cell.
        time.sleep(1)
        kill_build(1)
        kill_build(2)
        outcome = session.outcome(request)
        self.assertIn("Compiling cuaderno", outcome.text("stderr"))
        self.assertEqual(outcome.reply["ename"], "EngineNotReady")
        self.assertIn("was ended before it was done (signal: 9", outcome.reply["evalue"])
        self.assertEqual(session.run("1 + 1").first("execute_result")["data"]["text/plain"], "2")


class Home(unittest.TestCase):
    def test_a_home_that_cannot_be_written_is_told_where_it_matters(self):
        home = Path.home()
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("XDG_") and name != "CUADERNO_DATA"
        }
        # The toolchain is where it was; nothing of ours can be made in the home folder.
        env.setdefault("CARGO_HOME", str(home / ".cargo"))
        env.setdefault("RUSTUP_HOME", str(home / ".rustup"))
        session = Session(env=dict(env, HOME="/dev/null"))
        self.addCleanup(session.close)
        outcome = session.run("use cuaderno::prelude::*;\nlet n = Mnist::sample()?.train.len();\nn > 0")
        self.assertEqual(outcome.first("execute_result")["data"]["text/plain"], "true")
        outcome = session.run("Mnist::load()?.train.len()")
        self.assertEqual(outcome.reply["ename"], "Error")
        self.assertIn("/dev/null/.cache/cuaderno", "\n".join(outcome.reply["traceback"]))
        self.assertEqual(session.run("1 + 1").status, "ok")


if __name__ == "__main__":
    unittest.main()
