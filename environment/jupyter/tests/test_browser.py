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
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
TOKEN = "for-this-test"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lab_with_more_epochs(folder):
    """Lab 09, training long enough for somebody to watch."""
    notebook = json.loads(NOTEBOOK.read_text())
    for cell in notebook["cells"]:
        cell["source"] = [
            line.replace("profile.choose(8, 10)", "profile.choose(250, 250)")
            for line in cell["source"]
        ]
    path = Path(folder) / NOTEBOOK.name
    path.write_text(json.dumps(notebook))
    return path


@unittest.skipUnless(BROWSER and DRIVER, "needs Chromium and its driver")
class Lab(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        port = free_port()
        notebook = lab_with_more_epochs(self.folder)
        # Machines that run tests in containers run them as root.
        config = Path(self.folder) / "config" / "jupyter_server_config.json"
        config.parent.mkdir()
        config.write_text('{"ServerApp": {"allow_root": true}}')
        self.log = open(os.path.join(self.folder, "lab.log"), "wb")
        self.addCleanup(self.log.close)
        self.lab = subprocess.Popen(
            [os.environ["CUADERNO"], "lab", str(notebook), "--no-browser", "--port", str(port)],
            env=dict(
                os.environ,
                VIRTUAL_ENV=sys.prefix,
                JUPYTER_TOKEN=TOKEN,
                JUPYTER_CONFIG_DIR=str(config.parent),
                CUADERNO_PROFILE="quick",
            ),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.addCleanup(self.lab.wait)
        self.addCleanup(self.lab.terminate)
        self.wait_for_server(port)
        self.browser = self.open_browser()
        self.browser.get(f"http://127.0.0.1:{port}/lab/tree/{notebook.name}?token={TOKEN}")

    def wait_for_server(self, port):
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
        profile = os.path.join(self.folder, "profile")
        for option in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,1600",
            f"--user-data-dir={profile}",
        ]:
            options.add_argument(option)
        service = webdriver.ChromeService(DRIVER)
        browser = webdriver.Chrome(options=options, service=service)
        self.addCleanup(browser.quit)
        return browser

    def wait_for(self, what, found):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            value = found()
            if value:
                return value
            time.sleep(0.1)
        self.screenshot("failed")
        self.fail(f"no {what}")

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def screenshot(self, name):
        if folder := os.environ.get("CUADERNO_SCREENSHOTS"):
            os.makedirs(folder, exist_ok=True)
            self.browser.save_screenshot(os.path.join(folder, f"{name}.png"))

    def run_all_cells(self):
        menu = "//div[contains(@class, 'lm-MenuBar-itemLabel') and text()='Run']"
        self.browser.find_element(By.XPATH, menu).click()
        entry = "li[data-command='runmenu:run-all']"
        self.wait_for("entry to run all cells", lambda: self.all(entry))[0].click()

    def curve(self):
        """The picture of the learning curve that is on the page, while a cell runs."""
        script = (
            "return [...document.querySelectorAll('.jp-OutputArea-output img')]"
            ".map(image => image.src).filter(source => source.startsWith('data:image/svg'))"
        )
        return self.browser.execute_script(script)

    def running(self):
        return [cell for cell in self.all(".jp-InputPrompt") if cell.text == "[*]:"]

    def test_a_curve_grows_while_the_cell_runs(self):
        self.wait_for("notebook", lambda: self.all(".jp-NotebookPanel .jp-CodeCell"))
        status = lambda: self.browser.find_element(By.ID, "jp-main-statusbar").text
        self.wait_for("kernel", lambda: "| Idle" in status())
        self.run_all_cells()
        self.wait_for("running cell", self.running)
        first = self.wait_for("live curve", self.curve)
        changed = lambda: self.running() and self.curve() not in ([], first)
        self.wait_for("change of the curve while a cell runs", changed)
        self.screenshot("live")
        self.wait_for("end of all cells", lambda: not self.running())
        self.assertEqual(self.all("[data-mime-type='application/vnd.jupyter.stderr'] pre"), [])
        self.assertGreaterEqual(len(self.all(".jp-OutputArea-output img")), 5)
        for number, image in enumerate(self.all(".jp-OutputArea-output img")):
            self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
            time.sleep(0.3)
            self.screenshot(f"output-{number}")


if __name__ == "__main__":
    unittest.main()
