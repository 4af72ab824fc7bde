"""Many responses in one transaction: a disk confirms some hundred times a second, whatever it writes."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from coursewright.errors import InputError
from coursewright.live.recommender import Answer, Recommender
from coursewright.live.words import Response

log = logging.getLogger(__name__)
MOST = 64  # responses in a transaction
GATHER = 0.005  # seconds
Future = asyncio.Future[Answer]


class _Waiting(NamedTuple):
    response: Response
    loop: asyncio.AbstractEventLoop
    future: Future


class Gatherer:
    """One thread that writes; whatever came in while it wrote goes into its next transaction."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    async def observe(self, response: Response) -> Answer:
        """The choice after a response that is on the disk, or its error."""
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        self._queue.put(_Waiting(response, loop, future))
        return await future

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going, several = True, False
        while going:
            part: list[_Waiting] = []
            first = self._queue.get()
            if several:  # more are on their way: fewer and larger transactions
                time.sleep(GATHER)
            while first is not None:
                part.append(first)
                if len(part) == MOST or self._queue.empty():
                    break
                first = self._queue.get()
            going, several = first is not None, len(part) > 1
            if part:
                self._write(part)

    def _write(self, part: Sequence[_Waiting]) -> None:
        answers: Sequence[Answer | Exception]
        try:
            answers = self._recommender.observe_many([one.response for one in part])
        except Exception as error:  # all of them are refused, and none was written
            log.error("a transaction failed: %s", type(error).__name__)
            answers = [error] * len(part)
        part[0].loop.call_soon_threadsafe(_give, part, answers)


def _give(part: Sequence[_Waiting], answers: Sequence[Answer | Exception]) -> None:
    for one, answer in zip(part, answers, strict=True):
        if one.future.done():  # its client went away
            continue
        if isinstance(answer, Exception) and not isinstance(answer, InputError):
            one.future.set_exception(answer)
        else:
            one.future.set_result(answer)
