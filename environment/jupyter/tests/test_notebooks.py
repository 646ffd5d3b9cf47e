"""Notebooks through Jupyter's own runners, which must stop at the first cell that fails."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


def nbconvert(notebook, folder, kernel="cuaderno"):
    command = ["-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", folder]
    command += [f"--ExecutePreprocessor.kernel_name={kernel}"]
    return subprocess.run(
        [sys.executable, *command, "--output", "executed", notebook],
        capture_output=True,
        text=True,
        env=dict(os.environ, CUADERNO_PROFILE="quick"),
    )


class Runners(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def broken(self, code):
        cells = [new_code_cell("let fine = 1;"), new_code_cell(code)]
        notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "cuaderno", "display_name": ""}})
        path = os.path.join(self.folder.name, "broken.ipynb")
        nbformat.write(notebook, path)
        return path

    def test_lab_09_in_its_quick_profile(self):
        done = nbconvert(str(NOTEBOOKS / "09_autoencoders.ipynb"), self.folder.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        executed = nbformat.read(os.path.join(self.folder.name, "executed.ipynb"), as_version=4)
        outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
        pictures = [output for output in outputs if "image/png" in output.get("data", {})]
        self.assertGreaterEqual(len(pictures), 4)
        self.assertNotIn("error", [output.output_type for output in outputs])

    def test_nbconvert_fails_on_each_kind_of_broken_cell(self):
        for code, name in [
            ("let n: i32 = missing;", "CompileError"),
            ("let v: Vec<i32> = vec![];\nlet i = v[3];", "Panic"),
            ('let n: i32 = "x".parse()?;', "Error"),
            ("std::process::abort();", "ProcessLost"),
            ("let f = |x: i32| x;", "CompileError"),
        ]:
            with self.subTest(name):
                done = nbconvert(self.broken(code), self.folder.name)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(name, done.stderr)

    def test_a_notebook_runs_on_the_stock_front_end(self):
        kernel = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "stock" / "kernel.json"
        kernel.parent.mkdir(parents=True, exist_ok=True)
        self.addCleanup(shutil.rmtree, kernel.parent)
        argv = [os.environ["CUADERNO"], "kernel", "--stock", "--connection-file", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": argv, "display_name": "stock", "language": "rust"}))
        cells = [
            "use cuaderno::prelude::*;\nlet mnist = Mnist::sample()?;\nlet w = Var::new(2f32, &Device::Cpu)?;",
            "let model = Autoencoder::new(2, Activation::Relu, &mut Rng::new(1))?;\n"
            "let history = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(1)\n"
            "    .fit(&model, &mnist.train, &mnist.test)?;\nlearning_curve(&history)?",
            'println!("{}", w.as_tensor().to_scalar::<f32>()?);',
        ]
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        path = os.path.join(self.folder.name, "stock.ipynb")
        nbformat.write(notebook, path)
        done = nbconvert(path, self.folder.name, kernel="stock")
        self.assertEqual(done.returncode, 0, done.stderr)
        executed = nbformat.read(os.path.join(self.folder.name, "executed.ipynb"), as_version=4)
        _, trained, last = (cell.outputs for cell in executed.cells)
        self.assertTrue(any("image/svg+xml" in output.get("data", {}) for output in trained), trained)
        self.assertEqual([output.text for output in last], ["2\n"])

    def test_papermill_fails_on_a_broken_cell(self):
        path = self.broken("let n: i32 = missing;")
        done = subprocess.run(
            [sys.executable, "-m", "papermill", "--kernel", "cuaderno", path, path + ".out"],
            capture_output=True,
            text=True,
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CompileError", done.stderr)


if __name__ == "__main__":
    unittest.main()
