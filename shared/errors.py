"""Every failure that Sluice raises on purpose, sorted by what the caller must do about it.

SluiceError
├─ RetryableError                  -> answer 500: Pub/Sub redelivers, backs off, dead-letters
│   ├─ SourceUnavailableError        the source refused the connection, timed out or throttled
│   ├─ TargetUnavailableError        the same, on the way in
│   ├─ StorageUnavailableError       the same, for Cloud Storage, Pub/Sub or Secret Manager
│   ├─ LeaseHeldError                another instance works on this run just now
│   └─ NotStagedError                a load request overtook its manifest
├─ PermanentError                  -> record, answer 204: trying again cannot help
│   ├─ InvalidMessageError           a message that cannot be read, or a request that is wrong
│   ├─ InvalidConfigError            a table file, environment or setting is wrong
│   ├─ UnknownTableError             no table of this name is configured
│   ├─ InvalidSchemaError            a type or a list of columns makes no sense
│   ├─ SchemaConflictError           source and target disagree about columns or types
│   ├─ SourceRefusedError            the source said no: missing table or column, rights, syntax
│   ├─ TargetRefusedError            the target said no: rights, constraint, missing schema
│   ├─ ValueNotRepresentableError    a value would be altered by its target type
│   ├─ EmptySourceError              the guard: a run would empty or shrink the table
│   ├─ TableTooLargeError            more rows than one delivery reads, and no way to cut them
│   ├─ FileGoneError                 a dropped file went before it was read, and no copy is kept
│   ├─ RewindError                   an earlier state of a table cannot be put together again
│   ├─ IllegalTransitionError        a run cannot go from this state to that one
│   ├─ StuckRunError                 the sweep asked a run to go on as often as allowed, in vain
│   ├─ RunCancelledError             somebody decided that a run should not go on
│   ├─ KeyInUseError                 a key-encryption key is needed and cannot be retired
│   ├─ LegalHoldError                nothing that a table left may be deleted
│   ├─ DeploymentError               a build or a deployment stopped before its end
│   └─ DeadLetterError               a message failed as often as allowed, nobody wrote down why
└─ QuarantineError                 -> set the data aside with reasons, record, answer 204
    ├─ InvalidFileError              the file cannot be read as the table it was dropped for
    ├─ CheckFailedError              rows break a check of the table whose severity is fail
    ├─ IntegrityError                bytes, counts or a record are not what they must be
    └─ MismatchError                 rows are not the same ones at source, staged and in the target

Two stand apart, for whoever meets them: ConflictError, a compare-and-set lost, is tried again, or
told to whoever came too late; UnitTooLargeError, a unit of work that must be cut again, never
leaves its step.
"""

import re
import traceback
from collections.abc import Sequence

UNSAID = "something went wrong"
"""The message of an error whose cause said nothing."""


class SluiceError(Exception):
    """Base of everything raised on purpose; keyword facts go into logs and run records."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message or UNSAID)
        self.facts = facts
        self.is_recorded = False
        """The run's record says so already; nobody needs to write it down again."""

    @property
    def message(self) -> str:
        """What happened, to what, and what to do next."""
        return str(self.args[0])


class RetryableError(SluiceError):
    """Trying again later may help."""


class SourceUnavailableError(RetryableError):
    """The source refused the connection, timed out or throttled."""


class TargetUnavailableError(RetryableError):
    """The target refused the connection, timed out or throttled."""


class StorageUnavailableError(RetryableError):
    """Cloud Storage, Pub/Sub or Secret Manager did not answer properly."""


class LeaseHeldError(RetryableError):
    """Another instance holds a live lease on this run."""


class NotStagedError(RetryableError):
    """A load request arrived before the manifest that it names."""


class PermanentError(SluiceError):
    """Trying again cannot help; a person or another message must change something first."""


class InvalidMessageError(PermanentError):
    """A message cannot be read, or a request names what is not there or makes no sense."""


class InvalidConfigError(PermanentError):
    """A table file, an environment or a setting is wrong."""


class UnknownTableError(PermanentError):
    """No table of this name is configured."""


class InvalidSchemaError(PermanentError):
    """A type or a list of columns makes no sense."""


class SchemaConflictError(PermanentError):
    """Source and target disagree about columns or types in a way that the table does not allow."""


class SourceRefusedError(PermanentError):
    """The source said no: missing table or column, missing rights, invalid SQL."""


class TargetRefusedError(PermanentError):
    """The target said no: missing rights or schema, a constraint, a value."""


class ValueNotRepresentableError(PermanentError):
    """A value would be altered by its target type, so the run stops instead."""


class EmptySourceError(PermanentError):
    """A full load, or a comparison of keys, would take more rows than the guard allows."""


class TableTooLargeError(PermanentError):
    """A table has more rows than one delivery reads, and no column to cut them by."""


class FileGoneError(PermanentError):
    """A dropped file was overwritten or deleted before it was read, and no copy of it is kept."""


class RewindError(PermanentError):
    """The table as it was after an earlier run cannot be put together from what is kept."""


class IllegalTransitionError(PermanentError):
    """A run cannot go from the state it is in to the one asked for."""


class StuckRunError(PermanentError):
    """The sweep asked a run to go on as often as allowed, and it did not move."""


class RunCancelledError(PermanentError):
    """Somebody decided that a run should not go on."""


class KeyInUseError(PermanentError):
    """A version of the key-encryption key is needed, or may be, and so is not retired."""


class LegalHoldError(PermanentError):
    """The table is under legal hold, so nothing that it left in the buckets may be deleted."""


class DeploymentError(PermanentError):
    """A build or a deployment stopped before its end; the message says at which step."""


class DeadLetterError(PermanentError):
    """A message failed as often as allowed, and no attempt could write down why."""


class QuarantineError(SluiceError):
    """The data is set aside with the reasons; nothing of it is loaded."""


class InvalidFileError(QuarantineError):
    """The file cannot be read as the table it was dropped for."""


class CheckFailedError(QuarantineError):
    """Rows break a check of severity fail, so nothing of the run is published."""

    def __init__(
        self, message: str = "", *, results: Sequence[object] = (), **facts: object
    ) -> None:
        super().__init__(message, **facts)
        self.results = tuple(results)
        """The verdicts on all checks, for the run's record."""


class IntegrityError(QuarantineError):
    """Manifest and bytes disagree, counts do not add up, or a record cannot be read."""


class MismatchError(QuarantineError):
    """Rows are not the same ones at the source, staged and in the target; nothing was published."""


class ConflictError(SluiceError):
    """A compare-and-set found another generation than it expected."""


class UnitTooLargeError(SluiceError):
    """A unit of work took longer, or grew larger, than one delivery may."""


def code_of(exc: SluiceError) -> str:
    """Return ``unknown_table`` for ``UnknownTableError``, and so on."""
    name = type(exc).__name__.removesuffix("Error")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def told(exc: BaseException) -> str:
    """Return what may be written down of a failure: its kind, and why or where.

    Our own words, and those of the system, hold no value of any row. Whatever else was raised may
    quote one, so of it only the place is told.
    """
    kind = type(exc).__name__
    if isinstance(exc, SluiceError):
        return f"{kind}: {exc.message}"
    if isinstance(exc, OSError) and exc.strerror:
        return f"{kind}: {exc.strerror}"
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{kind} in {frames[-1].filename}:{frames[-1].lineno}" if frames else kind
