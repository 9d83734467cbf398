"""Clients of dask for tests: closed when a test module is done, with what they would warn of."""

from contextlib import contextmanager

from dask.distributed import Client, LocalCluster


@contextmanager
def client_of(workers=1, *, processes=False):
    """Give a client of workers with one thread each, in this process or in their own.

    It is not current: ``with client.as_current():`` makes it so.
    """
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=processes, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
