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
LAB_05, LAB_09 = (str(NOTEBOOKS / f"{name}.ipynb") for name in ("05_recurrence_by_hand", "09_autoencoders"))

BROKEN = [
    ("let n: i32 = missing;", "cannot find value `missing`"),
    ("let v: Vec<i32> = vec![];\nlet i = v[3];", "The cell panicked: index out of bounds"),
    ('let n: i32 = "x".parse()?;', "invalid digit found in string"),
    ("std::process::abort();", "The process that ran the cell is gone"),
    ("let f = |x: i32| x;", "cannot keep the closure"),
]


def run(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        env=dict(os.environ, CUADERNO_PROFILE="quick"),
    )


def nbconvert(notebook, executed, kernel="cuaderno"):
    options = ["--execute", "--to", "notebook", f"--ExecutePreprocessor.kernel_name={kernel}"]
    return run("nbconvert", *options, "--output", executed, notebook)


def papermill(notebook, executed):
    return run("papermill", "--kernel", "cuaderno", notebook, executed)


class Runners(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.executed = os.path.join(self.folder.name, "executed.ipynb")

    def cells_of(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return nbformat.read(self.executed, as_version=4).cells

    def assert_a_lab_ran(self, done):
        outputs = [output for cell in self.cells_of(done) for output in cell.get("outputs", [])]
        pictures = [output for output in outputs if "image/png" in output.get("data", {})]
        self.assertGreaterEqual(len(pictures), 4)
        self.assertNotIn("error", [output.output_type for output in outputs])

    def test_nbconvert_runs_lab_09(self):
        self.assert_a_lab_ran(nbconvert(LAB_09, self.executed))

    def test_papermill_runs_lab_05(self):
        self.assert_a_lab_ran(papermill(LAB_05, self.executed))

    def test_each_kind_of_broken_cell_fails(self):
        path = os.path.join(self.folder.name, "broken.ipynb")
        for runner in (nbconvert, papermill):
            for code, says in BROKEN:
                with self.subTest(runner=runner.__name__, code=code):
                    cells = [new_code_cell("let fine = 1;"), new_code_cell(code)]
                    kernelspec = {"name": "cuaderno", "display_name": ""}
                    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
                    done = runner(path, self.executed)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(says, done.stderr)

    def test_a_notebook_runs_on_the_stock_front_end(self):
        kernel = Path(sys.prefix) / "share" / "jupyter" / "kernels" / "stock" / "kernel.json"
        kernel.parent.mkdir(parents=True, exist_ok=True)
        self.addCleanup(shutil.rmtree, kernel.parent)
        argv = [os.environ["CUADERNO"], "kernel", "--stock", "--connection-file", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": argv, "display_name": "stock", "language": "rust"}))
        cells = [
            "use cuaderno::prelude::*;\nlet mnist = Mnist::sample()?;\nlet w = Var::new(2f32, &Device::Cpu)?;",
            "let model = Autoencoder::basic(2, Activation::Relu, 1)?;\n"
            "let history = Trainer::new(RmsProp::new(1e-3)).epochs(2).seed(1)\n"
            "    .fit(&model, &mnist.train, &mnist.test)?;\nlearning_curve(&history)?",
            'println!("{}", w.as_tensor().to_scalar::<f32>()?);',
        ]
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        path = os.path.join(self.folder.name, "stock.ipynb")
        nbformat.write(notebook, path)
        done = nbconvert(path, self.executed, kernel="stock")
        _, trained, last = (cell.outputs for cell in self.cells_of(done))
        self.assertTrue(any("image/svg+xml" in output.get("data", {}) for output in trained), trained)
        self.assertEqual([output.text for output in last], ["2\n"])


if __name__ == "__main__":
    unittest.main()
