"""A lab in the real JupyterLab, in a browser that nobody sees."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from session import PATIENCE

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "09_autoencoders.ipynb"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
TOKEN = "for-this-test"
# The training that is watched: the cell, and how it trains in the lab and here.
WATCHED = "climb"
IN_THE_LAB = "rmsprop(profile.quick(8).full(1).course(1), 32, seed)"
WHILE_WATCHED = "Trainer::new(RmsProp::new(1e-3)).epochs(400).batch_size(32).seed(seed)"
# What the page knows of itself. JupyterLab lends its application to tests.
ON_THE_PAGE = """
const panel = [...window.jupyterapp?.shell.widgets('main') ?? []][0];
const notebook = panel?.content;
const cells = notebook?.widgets ?? [];
const cell = id => cells.find(cell => cell.model.id === id);
const images = node => [...node.querySelectorAll('.jp-OutputArea-output img')];
"""

# The first curves of the watched cell while it runs. One that waits has the same prompt, but no curve.
KEEP_CURVES = f"""
const watched = cell('{WATCHED}');
window.curves = [];
setInterval(() => {{
  const curve = watched.prompt === '*' && images(watched.node).at(-1)?.src;
  if (curve && curves.length < 2 && curve !== curves.at(-1)) curves.push(curve);
}}, 20);
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lab_to_watch():
    """Lab 09 with one training that shows itself and is long enough for somebody to watch."""
    notebook = json.loads(NOTEBOOK.read_text())
    watched = next(cell for cell in notebook["cells"] if cell["id"] == WATCHED)
    source = "".join(watched["source"])
    assert IN_THE_LAB in source, source
    watched["source"] = source.replace(IN_THE_LAB, WHILE_WATCHED)
    return json.dumps(notebook)


@unittest.skipUnless(BROWSER and DRIVER, "needs Chromium and its driver")
class Lab(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.screenshots = Path(os.environ["CUADERNO_SCREENSHOTS"])
        self.screenshots.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.start_lab(port)
        self.browser = self.open_browser()
        self.browser.get(f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK.name}?token={TOKEN}")

    def start_lab(self, port):
        def file(name, text):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return path

        notebook = file(f"lab/{NOTEBOOK.name}", lab_to_watch())
        config = file("config/jupyter_lab_config.json", '{"LabApp": {"expose_app_in_browser": true}}')
        # It would ask whether to fetch news.
        file(
            "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings",
            '{"fetchNews": "false", "checkForUpdates": false}',
        )
        self.log = open(self.folder / "lab.log", "wb")
        self.addCleanup(self.log.close)
        self.lab = subprocess.Popen(
            [os.environ["CUADERNO"], "lab", str(notebook), "--profile", "quick"]
            + ["--no-browser", "--port", str(port)],
            env=dict(
                os.environ,
                VIRTUAL_ENV=sys.prefix,
                JUPYTER_TOKEN=TOKEN,
                JUPYTER_CONFIG_DIR=str(config.parent),
                JUPYTERLAB_SETTINGS_DIR=str(self.folder / "settings"),
                JUPYTERLAB_WORKSPACES_DIR=str(self.folder / "workspaces"),
            ),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.addCleanup(self.lab.wait)
        self.addCleanup(self.lab.terminate)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.lab.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.2)
        self.fail(Path(self.log.name).read_text())

    def open_browser(self):
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for option in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,2000",
            f"--user-data-dir={self.folder / 'profile'}",
        ]:
            options.add_argument(option)
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.addCleanup(browser.quit)
        return browser

    def page(self, script):
        """What `script` returns on the page."""
        return self.browser.execute_script(ON_THE_PAGE + script)

    def wait_for(self, what, script):
        """Waits until `script` returns something true on the page."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            value = self.page(script)
            if value:
                return value
            time.sleep(0.1)
        self.screenshot("failed")
        log = Path(self.log.name).read_text()
        console = "\n".join(entry["message"] for entry in self.browser.get_log("browser"))
        text = self.page("return (panel?.node ?? document.body).innerText")
        self.fail(
            f"no {what} after {PATIENCE} s; {self.screenshots}/failed.png is a picture.\n"
            f"The page:\n{text[:4000]}\nThe browser:\n{console[-2000:]}\nJupyterLab:\n{log[-2000:]}"
        )

    def screenshot(self, name):
        self.browser.save_screenshot(str(self.screenshots / f"{name}.png"))

    def show_curve(self, name):
        self.page(f"images(cell('{WATCHED}').node).at(-1).scrollIntoView({{block: 'center'}});")
        self.screenshot(name)

    def scroll_through(self, name):
        """Takes pictures of the whole notebook, a window at a time."""
        scroll = "const view = panel.node.querySelector('.jp-WindowedPanel-outer');"
        self.page(scroll + "view.scrollTop = 0;")
        for number in range(1, 50):
            time.sleep(0.5)
            self.screenshot(f"{name}-{number:02}")
            if self.page(
                scroll + "const before = view.scrollTop; view.scrollTop += view.clientHeight - 40;"
                "return view.scrollTop === before;"
            ):
                return
        self.fail("the notebook has no end")

    def test_a_curve_grows_while_its_cell_runs_and_every_figure_can_be_read(self):
        self.wait_for("notebook", "return cells.length > 50;")
        self.wait_for(
            "kernel", "return panel.context.sessionContext.session?.kernel?.status === 'idle';"
        )
        # Commands are for the notebook that somebody has clicked into.
        self.browser.find_element(By.CSS_SELECTOR, ".jp-CodeCell .jp-InputPrompt").click()
        self.page(KEEP_CURVES)
        self.page("window.jupyterapp.commands.execute('notebook:run-all-cells');")
        # The page keeps them itself: the cell may end before somebody asks again.
        self.wait_for("live curve", "return window.curves?.length > 0;")
        self.show_curve("live-first")
        self.wait_for("change of the curve while its cell runs", "return window.curves.length > 1;")
        self.show_curve("live-later")
        self.wait_for("end of all cells", "return cells.every(cell => cell.prompt !== '*');")
        failed = self.page(
            "return cells.filter(cell => cell.node.querySelector("
            "\"[data-mime-type='application/vnd.jupyter.stderr'], [data-mime-type='application/vnd.jupyter.error']\""
            ")).map(cell => cell.node.innerText);"
        )
        self.assertEqual(failed, [])

        for theme in ["JupyterLab Light", "JupyterLab Dark"]:
            self.page(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{theme}'}});")
            dark = "false" if theme.endswith("Dark") else "true"
            self.wait_for(theme, f"return document.body.dataset.jpThemeLight === '{dark}';")
            self.scroll_through(theme.split()[1].lower())
            figures = self.page(
                "return images(panel.node).map(image => ({"
                "  cell: image.closest('.jp-Cell').innerText.slice(0, 80), width: image.naturalWidth,"
                "  inside: image.getBoundingClientRect().right"
                "    <= image.closest('.jp-OutputArea').getBoundingClientRect().right + 1}));"
            )
            self.assertGreaterEqual(len(figures), 13)
            for figure in figures:
                self.assertTrue(figure["width"] and figure["inside"], figure)


if __name__ == "__main__":
    unittest.main()
