"""Turns redis-py's errors into the store's two words: away (wait) and unusable (stop).

Everything else, a bug in a script included, passes through and ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from streams.store.contract import StoreAway, StoreUnusable

AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.ClusterError,
    exceptions.MovedError,
    exceptions.AskError,
    exceptions.TryAgainError,
    exceptions.MasterDownError,
    exceptions.OutOfMemoryError,
)
UNUSABLE = (exceptions.AuthenticationError, exceptions.AuthorizationError)

FORBIDDEN_IN_A_SCRIPT = "The user executing the script"
"""How the error of Redis 6.2 and 7 begins where a user may run scripts but not the commands in
them."""

NO_DATABASE = ("DB index is out of range", "SELECT is not allowed in cluster mode")

AWAY_IN_A_SCRIPT = (
    "OOM command",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "BUSY ",
)
"""Errors that Redis 6.2 wraps into a script's own error, so that redis-py cannot tell its type. All
of them are raised at a script's first write, before anything was written."""


@contextmanager
def store_errors() -> Iterator[None]:
    try:
        yield
    except UNUSABLE as error:
        raise StoreUnusable(
            f"Redis refuses the user or password of ASLLR_REDIS ({error}): write those that it "
            "knows, as in redis://user:password@host:6379/0"
        ) from error
    except exceptions.NoPermissionError as error:
        raise forbidden(error) from error
    except AWAY as error:
        raise StoreAway(f"Redis is away: {error}") from error
    except exceptions.ResponseError as error:
        if any(word in str(error) for word in AWAY_IN_A_SCRIPT):
            raise StoreAway(f"Redis refuses writes: {error}") from error
        if FORBIDDEN_IN_A_SCRIPT in str(error):
            raise forbidden(error) from error
        if any(words in str(error) for words in NO_DATABASE):
            raise StoreUnusable(
                f"Redis does not have the database that ASLLR_REDIS names ({error}): let it end "
                "with /0"
            ) from error
        raise


def forbidden(error: Exception) -> StoreUnusable:
    return StoreUnusable(
        f"Redis forbids the user of ASLLR_REDIS what asllr needs ({error}): redis-cli ACL SETUSER "
        "<user> ~* +@all -@admin +cluster"
    )
