"""The table of bad input: each row of a test_bad_input_*.py file is a `BadInput`, to be read as documentation
(docs/bad-input.md is the same table for users)."""
import dataclasses
import typing

# Who makes the task go on when the cause is gone.
NOBODY = "nothing was started"
USER = "resume-task"
ITSELF = "resumes by itself"


@dataclasses.dataclass(frozen=True)
class BadInput:
    name: str
    input: typing.Any  # what is given: a text, changes of a good file, statements
    shows: tuple  # code, then phrases of the answer or of the task's error
    resumed_by: str = NOBODY
    repair: tuple = ()  # what removes the cause
    holds: typing.Any = None  # what else must be true then

    def __str__(self):
        return self.name


def ids(row):
    return row.name if isinstance(row, BadInput) else None


def shown(answer, row):
    """dmctl has failed and printed all that the row says."""
    text = answer.out + answer.err
    for escaped, character in (('\\"', '"'), ("\\u0026", "&"), ("\\u003c", "<"), ("\\u003e", ">")):
        text = text.replace(escaped, character)
    assert not answer.ok, text
    for phrase in row.shows:
        assert phrase in text, f"{phrase!r} is missing in: {text[:3000]}"
    return text
