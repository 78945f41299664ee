"""The lease in Redis 7: one hash, changed by compare-and-swap scripts only. It never expires.

redis-py's defaults break a lease: it tries ten times again and takes 15 s for a server that hangs, and a command whose
reply was lost is applied twice (measured; reliability.md, finding 2). So: one connection of our own, one attempt, one
second to connect and one to answer, everything within the guard's limit; and scripts that know a write they have seen.
"""

from __future__ import annotations

import socket
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from core.errors import UsageError
from core.ids import is_safe_id
from supervisor.leases.api import LeaseRecord, StoreAway
from supervisor.leases.guard import CALL_LIMIT_S, Guard
from supervisor.leases.records import MAX_META, MAX_OWNER, from_fields, to_fields

ANSWER_S: Final = 1.0
USER_TIMEOUT_MS: Final = 5_000
UNIX: Final[Any] = UnixDomainSocketConnection  # redis-py does not annotate these three
TCP: Final[Any] = Connection
TLS: Final[Any] = SSLConnection
KEEPALIVE: Final = {  # 5/2/3: reliability.md section 2, row 10
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS,
}

# The server looks at the sizes, so that nothing big comes over the wire
READ: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
for i, field in ipairs({'owner', 'token', 'counter', 'meta'}) do
  if redis.call('HSTRLEN', KEYS[1], field) > tonumber(ARGV[1]) then return redis.error_reply('ERR lease too long') end
end
return redis.call('HMGET', KEYS[1], 'owner', 'token', 'counter', 'meta')
"""
# ARGV: owner, token, counter, meta of the new record; then owner, token, counter of the seen one, or nothing to create
WRITE: Final = """
local at = redis.call('HMGET', KEYS[1], 'owner', 'token', 'counter')
if at[1] == ARGV[1] and at[2] == ARGV[2] and at[3] == ARGV[3] then return 1 end
if ARGV[5] then
  if at[1] ~= ARGV[5] or at[2] ~= ARGV[6] or at[3] ~= ARGV[7] then return 0 end
elseif redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2], 'counter', ARGV[3], 'meta', ARGV[4])
return 1
"""

# By the first word of the server's error
CODES: Final = {
    "OOM": "full",
    "READONLY": "readonly",
    "MASTERDOWN": "readonly",
    "MISCONF": "readonly",  # it cannot write its own file and takes no writes
    "NOREPLICAS": "readonly",
    "NOAUTH": "denied",
    "NOPERM": "denied",
    "WRONGPASS": "denied",
    "LOADING": "loading",
    "BUSY": "timeout",  # somebody's script runs on and on
    "WRONGTYPE": "damaged",
}
# Denials without such a word: of a script's command, and of a long command of somebody who has not given a password
DENIALS: Final = ("user executing the script can't", "ACL failure in script", "unauthenticated")


class RedisStore:
    """A LeaseStore. `name` tells installations that share a server apart; `url` is redis:, rediss: or unix:."""

    def __init__(self, url: str, *, name: str = "clipd", limit_s: float = CALL_LIMIT_S) -> None:
        """Connects with the first call. Raises UsageError for a URL or name that is none."""
        if not is_safe_id(name):
            raise UsageError(f"{name!r} is not a name for a lease", remedy="Use letters, digits and dashes.")
        self._key = f"clipd:{{{name}}}:lease"
        self._connection = _connection(url, ANSWER_S * limit_s / CALL_LIMIT_S)
        self._guard = Guard("lease-redis", limit_s=limit_s, abandon=self._connection.disconnect)

    def check(self) -> None:
        """A server that may drop any key when it is full, or that is a replica, is no place for a lease."""
        memory = self._facts("memory")
        policy = memory.get("maxmemory_policy", "unknown")
        if policy != "noeviction":
            raise StoreAway("unsafe_policy", f"maxmemory-policy is {policy}; set it to noeviction")
        role = self._facts("replication").get("role", "unknown")
        if role != "master":
            raise StoreAway("readonly", f"the server's role is {role}")

    def read(self) -> LeaseRecord | None:
        """One round trip."""
        fields = self._ask("EVAL", READ, 1, self._key, max(MAX_META, MAX_OWNER))
        if not isinstance(fields, list) or len(fields) not in (0, 4):
            raise StoreAway("error", "an answer that is none")
        return from_fields(*fields) if fields else None

    def create(self, new: LeaseRecord) -> bool:
        """One round trip."""
        return self._write(new, ())

    def swap(self, seen: LeaseRecord, new: LeaseRecord) -> bool:
        """One round trip."""
        return self._write(new, (seen.owner, seen.token, seen.counter))

    def close(self) -> None:
        """A call that is under way ends with its connection."""
        self._connection.disconnect()
        self._guard.close()

    def _write(self, new: LeaseRecord, seen: tuple[str | int, ...]) -> bool:
        answer = self._ask("EVAL", WRITE, 1, self._key, *to_fields(new), *seen)
        if answer not in (0, 1):
            raise StoreAway("error", "an answer that is neither yes nor no")
        return bool(answer)

    def _facts(self, section: str) -> dict[str, str]:
        text = self._ask("INFO", section)
        if not isinstance(text, bytes):
            raise StoreAway("error", "an answer that is none")
        lines = text.decode(errors="replace").splitlines()
        return {name: value for name, sep, value in (line.partition(":") for line in lines) if sep}

    def _ask(self, *command: str | int) -> Any:
        return self._guard.call(lambda: self._send(command))

    def _send(self, command: tuple[str | int, ...]) -> Any:
        """In the guard's thread. After a failure we hang up: a late answer must not meet the next question."""
        connection = self._connection
        try:
            connection.connect()
            connection.send_command(*command)
            return connection.read_response()
        except redis.ResponseError as err:
            raise _away(err) from err
        except (redis.RedisError, OSError) as err:
            connection.disconnect()
            raise _away(err) from err


def _away(err: Exception) -> StoreAway:
    text = str(err)[:200]
    word = getattr(err, "status_code", None) or text.partition(" ")[0]
    code = CODES.get(word)
    if code is None and (isinstance(err, redis.AuthenticationError) or any(what in text for what in DENIALS)):
        code = "denied"
    if code is None and isinstance(err, redis.TimeoutError | TimeoutError):
        code = "timeout"
    if code is None and isinstance(err, redis.ConnectionError | OSError):
        code = "unreachable"
    return StoreAway(code or "error", text)


def _connection(url: str, answer_s: float) -> Any:
    """By hand, not by redis-py's `from_url`: there, a URL's query could set our timeouts and retries anew."""
    how: dict[str, Any] = {
        "socket_timeout": answer_s,
        "socket_connect_timeout": answer_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "protocol": 2,
        "driver_info": None,
    }
    try:
        parts = urlsplit(url)
        port, query = parts.port, dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        database = int((query.pop("db", "0") if parts.scheme == "unix" else parts.path.strip("/")) or 0)
    except ValueError:
        raise _bad_url() from None
    how |= {"username": unquote(parts.username or "") or None, "password": unquote(parts.password or "") or None}
    how["db"] = database
    if parts.scheme == "unix" and parts.path and not query:
        return UNIX(path=unquote(parts.path), **how)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise _bad_url()
    how |= {"host": parts.hostname, "port": port or 6379, "socket_keepalive_options": KEEPALIVE}
    if parts.scheme == "rediss" and query.keys() <= {"ssl_ca_certs"}:
        return TLS(**how, **query)
    if parts.scheme == "rediss" or query:
        raise _bad_url()
    return TCP(**how)


def _bad_url() -> UsageError:
    return UsageError(
        "This is not an address of a Redis server",  # it may hold a password, so it is not repeated
        remedy="Use redis://user:password@host:6379/0, rediss://...?ssl_ca_certs=FILE, or unix:///path.",
        code="lease_url",
    )
