"""The maker of a worker process's app.

It is sent to a process that has just begun, which has to say that it lives before it imports anything
large: so this module imports nothing of ours.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Worker:
    """The app of a worker, with the tutor file as it was when the service began.

    A worker that dies is replaced, and the file on the disk may have been replaced by then.

    Attributes
    ----------
    settings : those of `service.Service`.
    onnx, words : the two files of the tutor.
    """

    settings: dict[str, Any]
    onnx: bytes
    words: bytes

    def __call__(self) -> Any:
        """The app, in the worker process."""
        from coursewright.live.service import app_of_worker

        return app_of_worker(self.settings, self.onnx, self.words)
