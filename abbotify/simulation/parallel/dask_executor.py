"""Units of work run by a Dask cluster: local processes, or machines that a scheduler knows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from typing import Any, Final

from abbotify.errors import LostWorkers, UserError
from abbotify.simulation.parallel.executor import Cluster, Executor
from abbotify.simulation.parallel.processes import ONE_THREAD
from abbotify.simulation.parallel.shared_arrays import packed, unpacked
from abbotify.simulation.parallel.worker import run_portably

_QUEUED: Final = 4  # units under way for each worker


class DaskExecutor(Executor):
    """The workers of a Dask cluster.

    Args:
        shared: see `Executor`; scattered to the workers with the first unit.
        cluster: where they are.

    Raises:
        UserError: dask is not installed, or no scheduler answers at the address.
    """

    def __init__(self, shared: Any, cluster: Cluster) -> None:
        try:
            import dask
            import distributed
        except ImportError as error:
            what = "needs the extra cluster: pip install 'abbotify[cluster]'"
            raise UserError(f"{what} ({error})", key="--cluster") from None
        processes = cluster.processes
        self.sends_files = cluster.sends_files
        self._address, self._stack = cluster.address, ExitStack()
        # Workers of one thread each: kernels and BLAS have the core to themselves.
        threads = {f"distributed.nanny.pre-spawn-environ.{name}": 1 for name in ONE_THREAD}
        self._stack.enter_context(dask.config.set(threads))
        try:
            if processes:
                local = distributed.LocalCluster(
                    n_workers=processes,
                    threads_per_worker=1,
                    dashboard_address=None,
                    worker_dashboard_address=None,
                    silence_logs="CRITICAL",
                )
                self._stack.enter_context(local)
            where = local if processes else self._address
            self._client = distributed.Client(where, set_as_default=False)
            self._stack.enter_context(self._client)
        except (OSError, TimeoutError) as error:
            self._stack.close()
            raise UserError(f"no scheduler answers at {self._address}", key="--cluster") from error
        size = processes or sum(self._client.nthreads().values())
        # A worker has the next units at hand: a way through the scheduler takes 10 to 100 ms.
        super().__init__(shared, _QUEUED * max(size, 1))
        self.ahead = 2 * self.size
        self.losses = (distributed.scheduler.KilledWorker, CancelledError)
        self._pool = self._client.get_executor(pure=False)
        self._scattered: Any = None

    def submit(self, function: Callable[[Any, Any], Any], unit: Any) -> Future[Any]:
        """Begins a unit, see `Executor`.

        Raises:
            LostWorkers: there is no scheduler any more.
        """
        self._require_scheduler()
        if self._scattered is None:
            self._scattered = self._client.scatter(packed(self.shared), hash=False, broadcast=True)
        future: Future[Any] = self._pool.submit(_run, function, self._scattered, unit)
        return future

    def renew(self) -> str:
        """Scatters anew what the workers share: it may have been lost with them."""
        self._require_scheduler()
        self._scattered = None
        return "of Dask's workers: often that is too little memory"

    def _require_scheduler(self) -> None:
        if self._client.status != "running":
            raise LostWorkers(f"{self._address}: the scheduler is gone", key="--cluster")

    def end(self, at_once: bool) -> None:
        """Ends local processes, and leaves a scheduler elsewhere to others."""
        with suppress(OSError, TimeoutError, CancelledError):
            self._pool.shutdown(wait=False)
            self._stack.close()


_latest: list[tuple[Any, Any]] = []  # what is shared as it was sent, and as it is


def _run(function: Callable[[Any, Any], Any], scattered: Any, unit: Any) -> Any:
    def shared() -> Any:
        if not _latest or _latest[0][0] is not scattered:
            _latest[:] = [(scattered, unpacked(scattered))]
        return _latest[0][1]

    return run_portably(function, shared, unit)
