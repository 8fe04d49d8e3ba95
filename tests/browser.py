"""A real browser without a screen: Debian's Chromium, driven through its own driver. It reaches nothing but files and
the loopback interface, and every line of its console is kept."""

import base64
import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
    "--proxy-server=127.0.0.1:9",  # nobody is there: what goes to the network fails and is in the console
    "--window-size=1400,1000",
)


def find():
    """Chromium and its driver, or None."""
    paths = tuple(map(shutil.which, ("chromium", "chromedriver")))
    return paths if all(paths) else None


class Browser:
    """One window; close it."""

    def __init__(self, folder: Path) -> None:
        from selenium import webdriver

        chromium, driver = find()
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
        self.folder = folder
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(driver))

    def close(self) -> None:
        self.driver.quit()

    def open(self, address: str) -> None:
        """Go there. What the page before said, or says as it goes (its server may be gone), does not count here."""
        self.driver.get("about:blank")
        self.complaints()
        self.driver.get(address)

    def script(self, text: str, *arguments: object) -> object:
        return self.driver.execute_script(text, *arguments)

    def wait(self, text: str, seconds: float = 30.0) -> object:
        """Until an expression of JavaScript is true; its value."""
        end = time.monotonic() + seconds
        while not (value := self.script(f"return {text}")):
            if time.monotonic() > end:
                raise AssertionError(f"after {seconds:g} s still false: {text}; console: {self.complaints()}")
            time.sleep(0.02)
        return value

    def until(self, true: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait for something outside of the page."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not in {seconds:g} s"
            time.sleep(0.02)

    def canvas(self, number: int) -> np.ndarray:
        """The pixels of a canvas, (rows, columns, 3)."""
        from matplotlib.image import imread

        data = self.script("return document.querySelectorAll('canvas')[arguments[0]].toDataURL('image/png')", number)
        image = imread(io.BytesIO(base64.b64decode(str(data).partition(",")[2])), format="png")
        return (image[..., :3] * 255).round().astype(int)

    def complaints(self) -> list[str]:
        """Warnings and errors on the console since it was asked last."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING") and "GPU stall due to ReadPixels" not in entry["message"]
        ]

    def screenshot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))
