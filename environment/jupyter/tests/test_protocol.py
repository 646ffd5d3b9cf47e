"""The suite that every kernel is held to."""

import unittest

import jupyter_kernel_test as suite
from session import PATIENCE

suite.TIMEOUT = PATIENCE


class Protocol(suite.KernelTests):
    kernel_name = "cuaderno"
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("hello, world");'
    code_generate_error = "let number: i32 = \"seven\".parse()?;"
    code_execute_result = [
        {"code": "1 + 1", "result": "2"},
        {"code": 'format!("{}", 3)', "result": '"3"'},
        {
            "code": "cuaderno::nn::Summary::new(&[1, 28, 28])",
            "mime": "text/html",
        },
    ]
    code_display_data = [
        {"code": 'cuaderno::notebook::Display::text("shown");', "mime": "text/plain"},
    ]
    code_clear_output = "cuaderno::notebook::clear_output(false);"
    code_history_pattern = "1?+*"
    supported_history_operations = ("tail", "range", "search")
    complete_code_samples = ["1 + 1", "fn f() -> i32 {\n    1\n}", ""]
    incomplete_code_samples = ["fn f() -> i32 {", "let a =", 'println!("{}",']
    invalid_code_samples = ["fn f() -> i32 }", "let 1a = ;;)"]
    completion_samples = [
        {"text": "std::f64::consts::SQRT", "matches": {"SQRT_2"}},
        {"text": "cuaderno::prelude::image_gr", "matches": {"image_grid"}},
    ]
    code_inspect_sample = "cuaderno::Rng"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The suite gives a cell a few seconds; the engine of a new kernel may need more.
        cls.kc.execute_interactive("1", timeout=PATIENCE, output_hook=lambda _: None)


class Welcome(suite.IopubWelcomeTests):
    kernel_name = "cuaderno"
    support_iopub_welcome = True


# Their own tests are run as the classes above.
del suite.KernelTests, suite.IopubWelcomeTests

if __name__ == "__main__":
    unittest.main()
