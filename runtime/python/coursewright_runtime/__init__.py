"""Teach with a tutor file: raw responses in, the next item out; numpy and onnxruntime, nothing else."""

from coursewright_runtime.golden import differs
from coursewright_runtime.lesson import Choice, Lesson, Moment, TutorError
from coursewright_runtime.tutor import Tutor, key_of

__all__ = ["Choice", "Lesson", "Moment", "Tutor", "TutorError", "differs", "key_of"]
