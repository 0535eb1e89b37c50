"""Look at `nbs/status_viewer.ipynb` through a browser: live rows, a page reload, a killed branch, stop and resume.

    pip install playwright; python nbs/benchmarks/drive_viewer.py [FOLDER FOR PICTURES]

It needs a Chromium (`CHROMIUM`, or /usr/bin/chromium) and JupyterLab on the PATH, takes about two minutes, and changes
nothing outside a temporary folder. Four processes are fakes for the branches. What is resumed in the end is a real run
of the preset `tiny`, and stopped again. The last line is JSON.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from trajectory_nb.status.status import read_status

NOTEBOOK = Path(__file__).resolve().parent.parent / "status_viewer.ipynb"
PACES = {"i3d-magvit-gpt4": 90, "slowfast-magvit-gpt4": 130, "i3d-mistral-clip": 60, "slowfast-phi2-wizardmath": 200}
HOSTILE = "<img src=x onerror=document.title='hacked'>"

BRANCH = """
import math, random, signal, sys, time
from pathlib import Path
from trajectory_nb.status.heartbeat import Curve, memory_used
from trajectory_nb.status.status import StatusFile
run, branch, pace, note = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
signal.signal(signal.SIGTERM, signal.default_int_handler)
status, curve, accuracy = StatusFile.of(run, branch), Curve.of(run, branch), None
try:
    for step in range(2, 1201, 2):
        loss, epoch = 2.4*math.exp(-step/pace) + 0.25 + 0.05*random.random(), 1 + step // 300
        if step % 25 == 0 or step % 26 == 0:
            accuracy = 1 - 0.75*math.exp(-step/pace/1.2)
        status.update(status="running", phase="train", step=step, max_steps=1200, epoch=epoch, max_epochs=4, loss=loss,
                      accuracy=accuracy, rate=31 + random.random(), eta_s=(1200 - step)*0.25, device="cpu",
                      llm="embedded SmolLM2-135M", notes=[note], **memory_used())
        curve.add(step=step, loss=loss, accuracy=accuracy)
        print(f"epoch {epoch}/4 · step {step}/1200 · loss {loss:.3f}", flush=True)
        time.sleep(0.5)
except KeyboardInterrupt:
    status.update(status="stopped", eta_s=None)
    sys.exit(1)
"""
RUNNER = """
import json, subprocess, sys
from pathlib import Path
from trajectory_nb.core.files import write_json
from trajectory_nb.runner.jobs import Job, Slot
from trajectory_nb.core.locks import hold
from trajectory_nb.status.progress import Progress
from trajectory_nb.runner.supervision import Policy, Supervisor
run, paces, code, note = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
def start(job, slot):
    job.slot, job.tries = slot, job.tries + 1
    job.log.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-c", code, str(run), job.branch, str(paces[job.branch]), note]
    job.process = subprocess.Popen(command, stdout=job.log.open("a"), stderr=subprocess.STDOUT)
    return job
with hold(run/"run.lock", "run", run):
    jobs = [Job(branch, Path("no notebook"), {}, run) for branch in paces]
    record = {"preset": "tiny", "seed": 42, "branches": list(paces), "config": {}, "state": "stopped"}
    try:
        Supervisor(jobs, [Slot("cpu", {})]*4, Progress(run, 4, every=1e9), Policy(tries=0), start).run()
    except KeyboardInterrupt:
        pass
    finally:
        write_json(run/"run.json", record)
"""


def until(what, holds, seconds=60.0):
    "Wait for something; an error that says what never came."
    end = time.time() + seconds
    while time.time() < end:
        if holds():
            return
        time.sleep(0.3)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


def start_lab(folder: Path) -> tuple[subprocess.Popen, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    home = {name: str(folder / "home" / name) for name in variables}
    extension = folder / "home" / "JUPYTER_CONFIG_DIR" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings = extension / "notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    options = [f"--port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    command = ["jupyter-lab", "--no-browser", "--allow-root", *options]
    log = (folder / "lab.log").open("w")
    streams = {"stdout": log, "stderr": subprocess.STDOUT}
    lab = subprocess.Popen(command, env=os.environ | home, start_new_session=True, **streams)

    def answers():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/api").status == 200
        except OSError:
            return False

    until("JupyterLab answers", answers)
    return lab, f"http://127.0.0.1:{port}/lab/tree/status_viewer.ipynb"


def drive(page, url: str, run: Path, pictures: Path) -> dict:
    table, curves = page.locator(".trajectory-status"), page.locator("img.widget-image").first
    outputs = page.locator(".jp-OutputArea")

    def states():
        return {row["branch"]: row["status"] for row in read_status(run)}

    def width():
        return curves.evaluate("image => image.naturalWidth") if curves.count() else 0

    def button(text):
        return page.locator("button.jupyter-button", has_text=text)

    def shot(name):
        path = pictures / f"status_viewer_{name}.png"
        page.locator(".jp-OutputArea-output .widget-vbox").first.screenshot(path=path)
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)

    findings, began = {}, time.time()

    page.goto(url)
    until("a kernel to run the cells", lambda: page.get_by_text("| Idle").count())  # a click while it starts is lost
    run_all = ("notebook:restart-run-all", "runmenu:restart-and-run-all")
    page.locator(", ".join(f"[data-command='{name}']" for name in run_all)).first.click(timeout=60_000)
    page.locator(".jp-Dialog .jp-mod-accept").click()
    until("four rows that run", lambda: table.count() and table.inner_text().count("running") >= 4)
    until("curves", lambda: width() > 400)
    findings["first_look_s"] = round(time.time() - began, 1)
    assert HOSTILE in table.inner_text() and page.title() != "hacked", "a script is shown as text"

    page.keyboard.press("Control+s")
    time.sleep(15)
    shot("live")
    page.reload()
    page.wait_for_selector(".trajectory-status", timeout=60_000)
    until("curves after a reload", lambda: width() > 400)
    step = table.inner_text()
    until("news after a reload", lambda: table.inner_text() != step)
    findings["curves_survive_reload"] = True

    victim = next(row for row in read_status(run) if row["branch"] == "slowfast-magvit-gpt4")
    os.kill(victim["pid"], signal.SIGKILL)
    until(
        "the killed one as failed, with its log",
        lambda: "SIGKILL" in table.inner_text() and "log of slowfast-magvit-gpt4" in outputs.last.inner_text(),
    )
    time.sleep(6)
    shot("killed")

    page.locator(".jp-OutputArea select").select_option("i3d-mistral-clip")
    button("Stop this branch").click()
    until("a question", lambda: button("Yes").is_visible())
    assert states()["i3d-mistral-clip"] == "running", "nothing happens before the answer"
    button("Yes").click()
    until("that branch stopped", lambda: states()["i3d-mistral-clip"] == "stopped" and "running" in states().values())
    until("the page says so", lambda: "i3d-mistral-clip: stopped" in page.inner_text("body"))
    shot("one_stopped")
    button("Stop the run").click()
    button("Yes").click()
    until("the run stopped", lambda: "running" not in states().values())
    until("Resume can be pressed", lambda: button("Resume").is_enabled())
    findings["stopped"] = states()

    button("Resume").click()
    button("Yes").click()
    until("the resumed run at work", lambda: "running" in states().values(), 300)
    until("the page says so", lambda: button("Stop the run").is_enabled())
    shot("resumed")
    findings["resumed"] = states()
    button("Stop the run").click()
    button("Yes").click()
    until("the resumed run stopped", lambda: not {"running", "queued", "starting"} & set(states().values()), 60)
    until("the page says so", lambda: "trajectory-nb stop: done" in page.inner_text("body"))
    shot("stopped")
    return findings | {"at_the_end": states(), "seconds": round(time.time() - began)}


def main():
    pictures = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder, run = Path(folder), Path(folder) / "runs" / "20260101_0900_tiny"
        for place in (folder / "home" / "HOME", run / "status"):
            place.mkdir(parents=True)
        (folder / "runs" / "latest").symlink_to(run.name)
        shutil.copy(NOTEBOOK, folder)
        command = [sys.executable, "-c", RUNNER, str(run), json.dumps(PACES), BRANCH, HOSTILE]
        runner = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        lab, url = start_lab(folder)
        try:
            with sync_playwright() as browsers:
                browser = browsers.chromium.launch(
                    executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                page = browser.new_page(viewport={"width": 1500, "height": 1700})
                try:
                    print(json.dumps(drive(page, url, run, pictures) | {"pictures": str(pictures)}))
                except BaseException:
                    page.screenshot(path=pictures / "status_viewer_failure.png")
                    raise
        finally:
            stop = [sys.executable, "-m", "trajectory_nb.cli.app", "stop", "--run", str(run)]
            subprocess.run(stop, stdout=subprocess.DEVNULL)
            runner.terminate()
            lab.send_signal(signal.SIGINT)
            lab.send_signal(signal.SIGTERM)
            lab.wait(30)


if __name__ == "__main__":
    main()
