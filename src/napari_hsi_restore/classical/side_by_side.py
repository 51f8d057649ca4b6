"""The same work on many parts of an image, on all cores, its results in order.

numpy lets other threads run while it computes. The library behind its products gets one thread
meanwhile: several of its own beside several of ours would wait for each other. As the results
come in the order of the parts, their sum is the same to the last digit whatever the number of
cores.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")

_MOST = 8
_LIMIT = "OMP_NUM_THREADS"


def cores() -> int:
    """How many threads are worth while: the cores that this process may use, at most 8.

    The variable ``OMP_NUM_THREADS``, which other numeric libraries go by, lowers it.
    """
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    with contextlib.suppress(ValueError):
        usable = min(usable, int(os.environ.get(_LIMIT, usable)))
    return max(1, min(usable, _MOST))


def in_order(work: Callable[[Part], Result], parts: Iterable[Part]) -> Iterator[Result]:
    """Do the same with every part.

    Parameters
    ----------
    work : callable
        May run in several threads at once.
    parts : iterable
        Taken a few ahead of the results, so that few results wait in memory.

    Yields
    ------
    Result
        In the order of the parts. Closing the generator waits for the parts in work
        and begins no other.
    """
    threads = cores()
    waiting: deque[Future[Result]] = deque()
    with contextlib.ExitStack() as stack:
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        if threads == 1:
            yield from map(work, parts)
            return
        pool = ThreadPoolExecutor(threads, thread_name_prefix="patches")
        stack.callback(pool.shutdown, cancel_futures=True)
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
