"""What a student notices: output as it comes, honest failures, and a kernel that can be stopped."""

import os
import signal
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from session import PATIENCE, Session, processes_in_session


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.session = Session()
        cls.session.run("use cuaderno::prelude::*;")

    @classmethod
    def tearDownClass(cls):
        cls.session.close()

    def test_output_comes_while_the_cell_runs_without_waiting_for_a_newline(self):
        outcome = self.session.run(
            'for i in 0..3 { print!("{i}\\r"); eprint!("e");\n'
            "std::thread::sleep(std::time::Duration::from_millis(400)); }"
        )
        self.assertEqual(outcome.text(), "0\r1\r2\r")
        self.assertEqual(outcome.text("stderr"), "eee")
        times = [second for second, kind, _ in outcome.messages if kind == "stream"]
        self.assertGreater(times[-1] - times[0], 0.5)

    def test_what_is_shown_keeps_its_place_between_prints_and_can_be_updated(self):
        outcome = self.session.run(
            'println!("a");\n'
            'let mut shown = cuaderno::notebook::Display::text("1");\n'
            'println!("b");\n'
            'shown.set_text("2");'
        )
        self.assertEqual(
            outcome.kinds(), ["stream", "display_data", "stream", "update_display_data"]
        )
        shown, updated = outcome.first("display_data"), outcome.first("update_display_data")
        self.assertEqual(shown["transient"], updated["transient"])
        self.assertEqual(updated["data"], {"text/plain": "2"})
        later = self.session.run('shown.set_text("3");')
        self.assertEqual(later.first("update_display_data")["transient"], shown["transient"])

    def test_figures_come_in_order(self):
        outcome = self.session.run(
            "for count in [1usize, 2] {\n"
            '    println!("{count}");\n'
            "    image_grid(&Rng::new(1).uniform(0.0, 1.0, &[2, 1, 8, 8])?, count)?.show()?;\n"
            "}"
        )
        self.assertEqual(outcome.kinds(), ["stream", "display_data"] * 2)
        for _, kind, content in outcome.messages:
            if kind == "display_data":
                self.assertIn("image/png", content["data"])
                self.assertIn("width", content["metadata"]["image/png"])

    def test_every_failure_is_an_error_that_says_what_is_left(self):
        self.session.run("let kept = 7;")
        for code, name, says in [
            ("let n: i32 = missing;", "CompileError", "cannot find value `missing`"),
            ("let v = vec![1];\nlet i = v[3];", "Panic", "the len is 1 but the index is 3"),
            ('let n: i32 =\n    "x".parse()?;', "Error", "invalid digit found"),
            ("let t = Tensor::zeros(2, DType::F32, &Device::Cpu)?;\nt.matmul(&t)?", "Error", "[2]"),
            ("let f = |x: i32| x;", "CompileError", "`f`"),
        ]:
            with self.subTest(code):
                outcome = self.session.run(code)
                self.assertEqual(outcome.status, "error")
                self.assertEqual(outcome.kinds(), ["error"])
                self.assertEqual(outcome.reply["ename"], name)
                self.assertIn(says, outcome.reply["evalue"])
                traceback = "\n".join(outcome.reply["traceback"])
                # A cell that did not run has lost nothing.
                self.assertEqual("kept" in traceback, name != "CompileError", traceback)
                self.assertLess(len(traceback.splitlines()), 14, traceback)
        self.assertEqual(self.session.run("kept + 1").first("execute_result")["data"]["text/plain"], "8")

    def test_the_failing_line_is_named(self):
        outcome = self.session.run('let one = 1;\nlet n: i32 = "x".parse()?;\nlet three = 3;')
        self.assertIn('line 2: let n: i32 = "x".parse()?;', outcome.reply["traceback"])

    def test_cells_sent_with_a_failing_one_are_not_run(self):
        requests = [self.session.send(code) for code in ["missing", 'println!("ran");']]
        replies = {}
        while len(replies) < 2:
            message = self.session.client.get_shell_msg(timeout=PATIENCE)
            replies[message["parent_header"].get("msg_id")] = message["content"]["status"]
        self.assertEqual([replies[request] for request in requests], ["error", "aborted"])

    def test_the_user_can_be_asked(self):
        outcome = self.session.run('cuaderno::notebook::input("Your name: ")?', typed="Ada")
        self.assertEqual(outcome.first("execute_result")["data"]["text/plain"], '"Ada"')

    def test_standard_input_asks_the_user(self):
        outcome = self.session.run(
            "let mut line = String::new();\nstd::io::stdin().read_line(&mut line)?;\nline", typed="Ada"
        )
        self.assertEqual(outcome.first("execute_result")["data"]["text/plain"], r'"Ada\n"')

    def test_standard_input_is_at_an_end_where_nobody_can_be_asked(self):
        outcome = self.session.run("std::io::stdin().lines().count()")
        self.assertEqual(outcome.first("execute_result")["data"]["text/plain"], "0")
        self.assertIn("Nobody can be asked for input here", outcome.text("stderr"))

    def test_a_thread_is_heard_after_its_cell(self):
        request = self.session.send(
            "std::thread::spawn(|| {\n"
            "    std::thread::sleep(std::time::Duration::from_millis(300));\n"
            '    println!("tick");\n});'
        )
        self.assertEqual(self.session.outcome(request).text(), "")
        message = self.session.client.get_iopub_msg(timeout=PATIENCE)
        self.assertEqual(message["content"], {"name": "stdout", "text": "tick\n"})
        self.assertEqual(message["parent_header"]["msg_id"], request)

    def test_commands_are_answered(self):
        self.session.run("let answer = 42;")
        data = self.session.run(":vars").first("execute_result")["data"]
        self.assertIn("answer", data["text/plain"])
        self.assertEqual(self.session.run("!echo hello").text(), "hello\n")

    def test_what_does_not_last_is_said(self):
        cells = {
            "static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);\n"
            "CALLS.fetch_add(1, std::sync::atomic::Ordering::SeqCst)": "`CALLS` starts anew in every",
            "thread_local! { static DEPTH: u8 = const { 7 }; }\n"
            "DEPTH.with(|depth| *depth)": "What `thread_local!` defines is",
            "macro_rules! pair { ($n:ident) => { struct $n { a: i32 } }; }\n"
            "pair!(Shoes);": "What `pair!` defines is known in this cell alone",
        }
        for code, sentence in cells.items():
            outcome = self.session.run(code)
            self.assertEqual(outcome.status, "ok", outcome.reply)
            self.assertIn(sentence, outcome.text("stderr"))

    def test_a_tensor_is_shown_by_shape_type_and_a_few_values(self):
        outcome = self.session.run("Tensor::zeros((100, 100), DType::F32, &Device::Cpu)?")
        text = outcome.first("execute_result")["data"]["text/plain"]
        self.assertTrue(text.startswith("Tensor [100, 100] f32, from 0 to 0"), text)

    def test_expressions_are_evaluated_after_the_cell(self):
        request = self.session.send(
            "let six = 6;", user_expressions={"value": "six * 7", "wrong": "missing"}
        )
        values = self.session.outcome(request).reply["user_expressions"]
        self.assertEqual(values["value"]["data"]["text/plain"], "42")
        self.assertEqual(values["wrong"]["ename"], "CompileError")

    def test_completion_offers_first_what_one_would_use_and_nothing_private(self):
        self.session.run(
            "let matrix = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;\n"
            "let learned = 3;\nlet list = vec![0.5];\n"
            "let trainer = Trainer::new(Adam::new(1e-3));"
        )
        for code, first, never in [
            ("matrix.", ["dims", "shape", "dtype"], ["same_shape_binary_op", "storage_mut", "sum_impl"]),
            ("matrix.me", ["mean_all", "mean"], []),
            ("list.", ["get", "len", "push"], ["append_elements", "extend_desugared"]),
            ("trainer.", ["fit", "epochs", "batch_size", "seed"], ["train_epoch", "optimisers"]),
            ("le", ["learned"], []),
            ("let y = ", [], ["EvcxrUserCodeError", "evcxr_variable_store"]),
            ("cuaderno::", [], ["numerics::", "live::", "ALLOCATOR"]),
            ("Activation::El", ["Elu"], []),
        ]:
            with self.subTest(code):
                found = self.session.complete(code)
                self.assertEqual(found[: len(first)], first)
                self.assertEqual([name for name in never if name in found], [])
                self.assertEqual([name for name in found if not name or "\n" in name], [])

    def test_a_description_reads_as_it_would_be_printed(self):
        for code, says in [
            ("Trainer", ["pub struct Trainer", "    let history = Trainer::new("]),
            ("line_chart", ["-> Result<Figure>", "\n\nErrors\n\nIf ", "    let figure = line_chart("]),
        ]:
            with self.subTest(code):
                data = self.session.inspect(code)
                for words in says:
                    self.assertIn(words, data["text/plain"])
                for words in ["# Ok", "pub(super)"]:
                    self.assertNotIn(words, data["text/plain"] + data["text/html"])

    def test_kernel_info_is_answered_while_a_cell_runs(self):
        request = self.session.send("std::thread::sleep(std::time::Duration::from_secs(2));")
        start = time.monotonic()
        self.session.client.kernel_info()
        reply = self.session.client.get_shell_msg(timeout=PATIENCE)
        self.assertEqual(reply["msg_type"], "kernel_info_reply")
        self.assertLess(time.monotonic() - start, 1.5)
        self.session.outcome(request)

    def test_much_text_is_cut(self):
        outcome = self.session.run('for _ in 0..1_000_000 { println!("{}", "x".repeat(100)); }')
        self.assertEqual(outcome.status, "ok")
        self.assertLess(len(outcome.text()), 9 << 20)
        self.assertIn("more bytes, which are not shown", outcome.text("stderr"))
        self.assertLess(len(outcome.messages), 10_000)


class OtherCrates(unittest.TestCase):
    def test_a_cell_can_ask_for_a_crate_beside_the_notebook(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)

        def crate(name, source):
            crate = Path(folder.name) / name
            (crate / "src").mkdir(parents=True)
            (crate / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nedition = "2024"\n')
            (crate / "src" / "lib.rs").write_text(source)

        crate("twice", "pub fn twice(n: usize) -> usize { 2 * n }")
        crate(
            "counter",
            "use std::sync::atomic::{AtomicUsize, Ordering};\n"
            "static COUNT: AtomicUsize = AtomicUsize::new(0);\n"
            "#[derive(Debug)]\npub struct Number(pub usize);\n"
            "pub fn next() -> Number { Number(COUNT.fetch_add(1, Ordering::SeqCst)) }\n",
        )
        session = Session(cwd=folder.name)
        self.addCleanup(session.close)
        session.run("let before = 1;")
        first = session.run(
            ':dep cuaderno\n:dep counter = { path = "counter" }\nlet first = counter::next();'
        )
        self.assertEqual(first.status, "ok", first.reply)
        self.assertIn("Compiling counter", first.text("stderr"))
        # What the crate counts is counted for all cells.
        shown = session.run("(before, first, counter::next())")
        self.assertEqual(shown.status, "ok", shown.reply)
        self.assertEqual(
            shown.first("execute_result")["data"]["text/plain"], "(1, Number(0), Number(1))"
        )
        more = session.run(':dep twice = { path = "twice" }\ntwice::twice(before as usize + 3)')
        self.assertEqual(more.status, "ok", more.reply)
        self.assertEqual(more.first("execute_result")["data"]["text/plain"], "8")
        refused = session.run(':dep missing = { path = "missing" }')
        self.assertEqual(refused.reply["ename"], "CompileError")
        self.assertIn("missing", "\n".join(refused.reply["traceback"]))
        self.assertEqual(session.run("1 + 1").status, "ok")


class Stopping(unittest.TestCase):
    def setUp(self):
        self.session = Session()
        self.session.run("use cuaderno::prelude::*;\nlet kept = 7;")

    def tearDown(self):
        self.session.close()

    def interrupt_when(self, *texts):
        """Interrupts when each of `texts` was printed."""

        def on_message(kind, content):
            for text in texts:
                if kind == "stream" and text in content["text"]:
                    self.session.manager.interrupt_kernel()

        return on_message

    def test_what_looks_for_interrupts_ends_well_and_keeps_its_variables(self):
        outcome = self.session.run(
            'let mut steps = 0;\nprintln!("begun");\n'
            "while !cuaderno::notebook::stop_requested() {\n"
            "    steps += 1;\n    std::thread::sleep(std::time::Duration::from_millis(10));\n}",
            on_message=self.interrupt_when("begun"),
        )
        self.assertEqual(outcome.status, "ok")
        self.assertIn("Interrupted", outcome.text("stderr"))
        after = self.session.run("(kept, steps > 0)")
        self.assertEqual(after.first("execute_result")["data"]["text/plain"], "(7, true)")

    def test_a_loop_of_steps_or_batches_ends_and_keeps_its_variables(self):
        self.session.run(
            "let layer = Dense::units(1).build(&[3], &mut Rng::new(1))?;\n"
            "let x = Rng::new(2).normal(0.0, 1.0, &[8, 3])?;\n"
            "let examples = TensorExamples::new(x.clone(), x.clone())?;\n"
            "let mut adam = Adam::new(0.01);"
        )
        pause = "    std::thread::sleep(std::time::Duration::from_millis(5));\n"
        steps = (
            'println!("begun");\nfor _ in 0..100_000 {\n'
            "    let loss = layer.forward(&x)?.sqr()?.mean_all()?;\n"
            "    adam.step(&layer.parameters(), &backward(&loss)?)?;\n" + pause + "}"
        )
        batches = (
            'println!("begun");\nfor epoch in 0..100_000 {\n'
            "    for step in ShuffledBatches::of(&examples, 2, 6202, epoch)? {\n"
            "        assert!(layer.forward(&step?.batch.inputs).is_ok());\n    }\n" + pause + "}"
        )
        for source, line in ((steps, 4), (batches, 4)):
            with self.subTest(source):
                outcome = self.session.run(source, on_message=self.interrupt_when("begun"))
                self.assertIn("The cell was interrupted in a loop", outcome.reply["evalue"])
                self.assertIn(f"line {line}", "\n".join(outcome.reply["traceback"]))
                after = self.session.run("(kept, adam.learning_rate(), layer.forward(&x)?.dims()[0])")
                self.assertEqual(
                    after.first("execute_result")["data"]["text/plain"], "(7, 0.01, 8)"
                )

    def test_a_loop_with_progress_ends_well_and_keeps_its_history(self):
        self.session.run(
            "let layer = Dense::units(1).build(&[3], &mut Rng::new(1))?;\n"
            "let x = Rng::new(2).normal(0.0, 1.0, &[8, 3])?;\n"
            "let examples = TensorExamples::new(x.clone(), x.clone())?;"
        )
        outcome = self.session.run(
            "let mut progress = Progress::of_epochs(100_000);\nlet mut adam = Adam::new(0.01);\n"
            "'training: for epoch in 0..100_000 {\n"
            "    for step in ShuffledBatches::of(&examples, 2, 6202, epoch)? {\n"
            "        let step = step?;\n"
            "        let loss = layer.forward(&step.batch.inputs)?.sqr()?.mean_all()?;\n"
            "        adam.step(&layer.parameters(), &backward(&loss)?)?;\n"
            '        let losses = Losses::new("loss", loss);\n'
            "        if !progress.step_done(&step, &losses)? { break 'training; }\n    }\n"
            '    if epoch == 20 { println!("begun"); }\n'
            "    progress.epoch_done(0.01, vec![]);\n}\nlet history = progress.finish();",
            on_message=self.interrupt_when("begun"),
        )
        self.assertEqual(outcome.status, "ok")
        after = self.session.run('(history.epochs.len() > 20, history.stopped.clone())')
        self.assertEqual(
            after.first("execute_result")["data"]["text/plain"], '(true, Some("interrupted"))'
        )

    def test_what_never_looks_is_ended_and_its_loss_is_told(self):
        outcome = self.session.run(
            'println!("begun");\nloop {}', on_message=self.interrupt_when("begun")
        )
        self.assertEqual(outcome.reply["ename"], "Interrupted")
        self.assertIn("Variables lost: kept.", outcome.reply["traceback"])
        self.assertEqual(self.session.run("1 + 1").status, "ok")

    def test_what_looks_and_goes_on_is_ended_by_the_second_interrupt(self):
        outcome = self.session.run(
            'println!("begun");\n'
            'while !cuaderno::notebook::stop_requested() {}\nprintln!("asked to stop");\nloop {}',
            on_message=self.interrupt_when("begun", "asked to stop"),
        )
        self.assertEqual(outcome.text(), "begun\nasked to stop\n")
        self.assertEqual(outcome.reply["ename"], "Interrupted")
        self.assertIn("Variables lost: kept.", outcome.reply["traceback"])
        self.assertEqual(self.session.run("1 + 1").status, "ok")

    def test_a_cell_in_the_analyser_is_left(self):
        # A kernel of its own: the engine is busy until the analysis ends.
        session = Session()
        try:
            session.run("1")
            sums = (f"let sum{i} = " + " + ".join(["x"] * 4_000) + ";\n" for i in range(4))
            request = session.send("let x: f64 = 0.5;\n" + "".join(sums))
            time.sleep(2)
            start = time.monotonic()
            session.manager.interrupt_kernel()
            outcome = session.outcome(request)
            self.assertLess(time.monotonic() - start, 60)
            self.assertEqual(outcome.reply["ename"], "Interrupted")
            self.assertIn("Variables are kept.", "\n".join(outcome.reply["traceback"]))
        finally:
            session.close(now=True)

    def test_an_interrupted_question_ends_the_input(self):
        request = self.session.send(
            "let read = std::io::stdin().lines().count();", allow_stdin=True
        )
        self.session.client.get_stdin_msg(timeout=PATIENCE)
        self.session.manager.interrupt_kernel()
        self.assertEqual(self.session.outcome(request).status, "ok")
        after = self.session.run("read")
        self.assertEqual(after.first("execute_result")["data"]["text/plain"], "0")

    def test_a_lost_process_is_an_error_and_the_session_goes_on(self):
        outcome = self.session.run('println!("last words"); std::process::abort();')
        self.assertEqual(outcome.reply["ename"], "ProcessLost")
        self.assertEqual(outcome.text(), "last words\n")
        self.assertIn("Variables lost: kept.", outcome.reply["traceback"])
        self.assertEqual(self.session.run("1 + 1").status, "ok")


class Ending(unittest.TestCase):
    def sessions(self):
        folder = os.environ["CUADERNO_SESSIONS"]
        return set(os.listdir(folder)) if os.path.isdir(folder) else set()

    def test_a_shutdown_leaves_no_process_and_no_folder(self):
        session = Session()
        session.run('let started = std::process::Command::new("sleep").arg("600").spawn()?;')
        leader = session.process.pid
        self.assertIn(str(leader), self.sessions())
        session.close()
        self.assertEqual(processes_in_session(leader), [])
        self.assertNotIn(str(leader), self.sessions())

    def test_what_a_killed_kernel_leaves_the_next_one_clears_away(self):
        session = Session()
        session.run('let started = std::process::Command::new("sleep").arg("600").spawn()?;')
        session.send("loop {}")
        # Long enough for the cell to be compiled and to run; killed earlier, it leaves less.
        time.sleep(2)
        leader = session.process.pid
        os.kill(leader, signal.SIGKILL)
        session.process.wait()
        deadline = time.monotonic() + 10
        while processes_in_session(leader) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(processes_in_session(leader), [])
        session.client.stop_channels()
        following = Session()
        following.run("1 + 1")
        self.assertNotIn(str(leader), self.sessions())
        following.close()

    def test_kernel_info_is_answered_before_the_engine_is_ready(self):
        session = Session()
        self.assertLess(session.ready_after, 2.0)
        session.close()

    def test_two_kernels_started_at_once_do_not_mix(self):
        with ThreadPoolExecutor() as pool:
            sessions = list(pool.map(lambda _: Session(), range(2)))
        for number, session in enumerate(sessions):
            session.run(f"let mine = {number};")
        for number, session in enumerate(sessions):
            shown = session.run("mine").first("execute_result")["data"]["text/plain"]
            self.assertEqual(shown, str(number))
            session.close()


if __name__ == "__main__":
    unittest.main()
