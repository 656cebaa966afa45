"""What the benchmarks of simulated clouds share: a simulator, a command that is measured, tables."""

import json
import os
import shutil
import signal
import subprocess
import time

PROV, WORK = os.environ["PROV"], os.environ["WORK"]
LIMIT = float(os.environ.get("LIMIT", "1800"))
FOREIGN = ("PROV", "TF_", "TOFU_", "HCLOUD_", "HETZNER_", "UPCLOUD_", "AWS_")  # settings of whoever runs this
LOOK = 0.02  # seconds between two looks at the memory


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Place:
    """A folder for one try: ws is where a tool works, home and tmp are its own, world is the simulator's."""

    def __init__(self, *names):
        self.path = "/".join((WORK, *names))
        for name in ("ws", "home", "tmp", "world"):
            os.makedirs(f"{self.path}/{name}")

    def environment(self, more):
        mine = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        own = {"HOME": self.path + "/home", "TMPDIR": self.path + "/tmp", "NO_COLOR": "1", "CLOUDS_PLACE": self.path}
        return {**mine, **own, **more}

    def remove(self):
        shutil.rmtree(self.path)


class Simulator:
    """`prov simulate CLOUD` with an empty world in a place; to be closed."""

    def __init__(self, place, cloud, *options):
        self.cloud, self.dir = cloud, place.path + "/world"
        said = place.path + "/simulator.log"
        with open(said, "w") as out:
            command = [PROV, "simulate", cloud, "--port", "0", "--dir", self.dir, *options]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        for _ in range(200):
            if os.path.exists(self.dir + "/addresses"):
                break
            time.sleep(0.05)
        with open(said) as file:
            exports = [line.split("export ", 1)[1].strip() for line in file if "  export " in line]
        self.environment = dict(line.split("=", 1) for line in exports)
        assert self.environment, f"no simulator: see {said}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, *words):
        command = [PROV, "simulate", *words, "--dir", self.dir, "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "[]")

    def last(self):
        """The number of the newest request."""
        calls = self.ask("calls", "--limit", "1")
        return calls[-1]["n"] if calls else 0

    def calls(self, after=0):
        return self.ask("calls", "--after", str(after), "--limit", "1000000")

    def things(self, kind=None):
        """What was made, or what there is of a kind; without servers of AWS that are gone but still listed."""
        rows = self.ask("state", *([kind] if kind else []))
        return [row for row in rows if row.get("state") != "terminated"]


class Run:
    """A command that has ended: seconds, mb (the peak of all its processes together), code, said."""

    def __init__(self, place, command, environment):
        said = place.path + "/said"
        with open(said, "w") as out:
            began = time.monotonic()
            process = subprocess.Popen(command, cwd=place.path + "/ws", env=place.environment(environment),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
            self.mb = 0
            while process.poll() is None:
                self.mb = max(self.mb, memory(process.pid) / 1024)
                if time.monotonic() - began > LIMIT:
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(LOOK)
        self.seconds, self.code = time.monotonic() - began, process.returncode
        with open(said, errors="replace") as file:
            self.said = file.read()

    def must(self):
        assert self.code == 0, self.said[-2000:]
        return self

    def outcome(self):
        """"", or why there is no figure."""
        if self.code == 0:
            return ""
        return f"more than {LIMIT:.0f} s" if self.seconds > LIMIT else "failed"


def family(pid):
    """A process and those it has started, and theirs."""
    yield pid
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
        for task in os.listdir(f"/proc/{pid}/task"):
            if task != str(pid):
                with open(f"/proc/{pid}/task/{task}/children") as file:
                    children += file.read().split()
    except OSError:
        children = []  # it has ended
    for child in children:
        yield from family(int(child))


def memory(pid):
    """KiB: the most that each of the family has had, together."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/status") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
        except OSError:
            pass
    return total


def processes(place):
    """Those that were started in a place and still run."""
    mark, found = f"CLOUDS_PLACE={place.path}".encode(), []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit():
                with open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(int(name))
        except OSError:
            pass  # it has ended, or is not ours
    return found


def table(*columns):
    row(*columns)
    row(*("---" for _ in columns))


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def load():
    return f"{os.getloadavg()[0]:.1f}"
