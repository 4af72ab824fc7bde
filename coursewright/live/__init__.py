"""Teaching live learners with a tutor file: a store of responses, the next item, and its reasons."""
