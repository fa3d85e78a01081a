"""A Dask cluster of local processes: the same results, whatever dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from abbotify.errors import UserError
from abbotify.simulation.parallel.executor import Cluster
from tests.conftest import ROOT
from tests.processes import started, wait_until

pytest.importorskip("distributed")

QUICK = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}  # until a scheduler is given up
PROGRAM = """
import os, signal, sys
from pathlib import Path
from abbotify.errors import DataError, LostWorkers
from abbotify.simulation.parallel.executor import Cluster, open_executor

HERE = Path(sys.argv[1])

def squared(shared, unit):
    shared["calls"] = shared.get("calls", 0) + 1
    starts = len(list(HERE.glob(f"{unit}-*")))
    (HERE / f"{unit}-{starts}").touch()
    if unit == 3 and starts < 1 or unit == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    if unit == 11:
        raise DataError("bad", file="a.csv", line=3)
    return unit * unit, shared["calls"], os.getpid()

if __name__ == "__main__":
    from spread import squared  # by a name that workers can import
    with open_executor({"payload": 1}, Cluster("local:2"), 1) as executor:
        results = list(executor.each(squared, range(8)))
        assert [square for square, *_ in results] == [unit * unit for unit in range(8)]
        assert os.getpid() not in {process for *_, process in results}
        try:
            list(executor.each(squared, [10, 11]))
        except DataError as error:
            print(error, "spread.py" in error.__notes__[0])
        try:
            list(executor.each(squared, [12]))
        except LostWorkers as error:
            print(error)
"""


def test_units_of_killed_workers_run_again_until_they_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "spread.py").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "spread.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "a.csv:3: bad True"
    assert second.startswith("task 1 of 1 was given up: ")
    assert (tmp_path / "3-1").exists()


RUNS = """
import sys
from pathlib import Path
from abbotify import pipeline
from abbotify.scenario import load
from abbotify.simulation.parallel.executor import Cluster

if __name__ == "__main__":
    import distributed
    path = Path(sys.argv[1])
    pipeline.run(load(path), path.with_name("alone"))
    pipeline.run(load(path), path.with_name("local"), Cluster("local:2"))
    with distributed.LocalCluster(
        2, threads_per_worker=1, dashboard_address=None, worker_dashboard_address=None
    ) as cluster:
        there = Cluster(cluster.scheduler_address, sends_files=True)
        pipeline.run(load(path), path.with_name("sent"), there)
"""
SCENARIO = {
    "name": "clustered",
    "world": {
        "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
        "users": {"count": 100},
    },
    "arrivals": {"sessions": 200},
    "timeline": [
        {"phase": "collect", "days": 1, "traffic": {"sticky": 1.0}},
        {"phase": "train"},
        {"phase": "experiment", "days": 2, "retrain": "daily"},
    ],
    "arms": {
        "sticky": {"recommender": "sticky_artist"},
        "neural": {"recommender": "neural", "epochs": 2, "fallback": "random"},
    },
    "experiment": {"name": "S", "control": "sticky", "limits": {"fallbacks": 0.9}},
    "shards": 2,
}


def contents(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "report.html")
    }


def written(folder: Path) -> Path:
    path = folder / "s.yaml"
    path.write_text(json.dumps(SCENARIO), encoding="utf-8")
    return path


def test_a_cluster_writes_the_files_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "runs.py").write_text(RUNS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "runs.py"), str(written(tmp_path))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone = contents(tmp_path / "alone")
    assert contents(tmp_path / "local") == alone
    assert contents(tmp_path / "sent") == alone
    manifest = json.loads((tmp_path / "sent" / "manifest.json").read_text())
    assert manifest["execution"]["workers"].startswith("tcp://127.0.0.1:")


SCHEDULER = """
import distributed, sys, time
if __name__ == "__main__":
    with distributed.LocalCluster(
        2, threads_per_worker=1, dashboard_address=None, worker_dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        time.sleep(1000)
"""


def test_a_killed_scheduler_leaves_what_is_done(tmp_path: Path) -> None:
    (tmp_path / "scheduler.py").write_text(SCHEDULER, encoding="utf-8")
    out, path = tmp_path / "out", written(tmp_path)
    command = ["-m", "abbotify", "run", path, "--out", out, "--set", "shards=40"]
    with started([tmp_path / "scheduler.py"], (), **QUICK) as scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        with started([*command, "--cluster", address], (), **QUICK) as run:
            outputs = ".out~*/state/output-*.npz"
            wait_until(lambda: any(tmp_path.glob(outputs)) or run.poll() is not None)
            scheduler.kill()
            text = run.communicate()[1].splitlines()
    assert run.returncode == 2
    assert "kept for --resume, finished units of work" in text[-2]
    assert text[-1] == f"abbotify: --cluster: {address}: the scheduler is gone"
    with started([*command, "--resume"]) as run:
        text = run.communicate()[1].splitlines()
    assert run.returncode == 0
    assert "the interrupted run goes on" in text[0]


@pytest.mark.parametrize(
    "address", ["local", "local:0", "local:x", "host:8786", "tcp://host", "http://host:1"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(UserError, match=r"^--cluster: must read local:4 or tcp://host:8786, got"):
        Cluster(address).processes  # noqa: B018
    assert Cluster("tcp://10.0.0.1:8786").processes is None
    assert Cluster("local:12").processes == 12


def test_a_scheduler_that_does_not_answer_is_told(tmp_path: Path) -> None:
    command = ["-m", "abbotify", "run", written(tmp_path), "--out", tmp_path / "out"]
    with started([*command, "--cluster", "tcp://127.0.0.1:1"], (), **QUICK) as run:
        text = run.communicate()[1]
    assert (run.returncode, text) == (
        2,
        "abbotify: --cluster: no scheduler answers at tcp://127.0.0.1:1\n",
    )
