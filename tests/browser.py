"""Find a Chromium-family browser for the tests, or install one: ``python tests/browser.py``.

Order: the one named by RANKING_BROWSER, an installed Chromium or Chrome, Debian's package where it may be
installed, Playwright's own download. Without any, it fails and says what to do.

Bubblewrap, which keeps submissions apart while they are graded, is installed likewise where that is possible;
without it the tests try what else works here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

ADVICE = """No Chromium or Chrome was found, and none could be installed.
Install one (Debian and Ubuntu: apt-get install chromium; macOS and Windows: Google Chrome),
or name its program in the environment variable RANKING_BROWSER, then run the tests again."""

PATIENCE = 90_000
"""Milliseconds that a test waits for a state that it needs: a machine with much else to do may take long."""

LAUNCH_ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def find_browser() -> str | None:
    """Program of an installed Chromium-family browser, or None."""
    named = os.environ.get("RANKING_BROWSER")
    if named:
        if not Path(named).is_file():
            raise SystemExit(f"RANKING_BROWSER must name a browser program, got {named!r}")
        return named
    for name in NAMES:
        found = shutil.which(name)
        # Ubuntu's chromium-browser may be a script that only asks for a snap; a version proves a browser.
        if found and _runs(found):
            return found
    for app in MAC_APPS:
        if Path(app).is_file():
            return app
    return _playwright_browser()


def _runs(program: str) -> bool:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _playwright_browser() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = playwright.chromium.executable_path
    return program if program and Path(program).is_file() else None


def _apt_install(*packages: str) -> bool:
    """Debian's packages, as root or through a sudo that asks for no password."""
    if not shutil.which("apt-get"):
        return False
    prefix: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode:
            return False
        prefix = ["sudo", "-n"]
    commands = (
        [*prefix, "apt-get", "update", "-qq"],
        [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    )
    return all(subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0 for command in commands)


def _debian_chromium() -> bool:
    return _apt_install("chromium", "fonts-noto-cjk")


def _playwright_install() -> bool:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command).returncode == 0


def main() -> None:
    if sys.platform == "linux" and not shutil.which("bwrap"):
        _apt_install("bubblewrap")
    for install in (None, _debian_chromium, _playwright_install):
        if install is not None:
            print(f"no browser yet: trying {install.__name__.strip('_').replace('_', ' ')}", flush=True)
            if not install():
                continue
        found = find_browser()
        if found:
            print(f"browser for the tests: {found}")
            return
    raise SystemExit(ADVICE)


if __name__ == "__main__":
    main()
