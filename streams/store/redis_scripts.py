"""Runs `streams/store/lua/*.lua` by hash, and by text where a node does not know them yet."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import Any, TypeAlias

import redis
from redis.exceptions import NoScriptError

from streams.store.redis_errors import store_errors

Client: TypeAlias = redis.Redis | redis.RedisCluster
Argument: TypeAlias = str | bytes | int


class RedisScripts:
    """The Lua scripts of the store. Each script is the prelude and its own file, one text to
    Redis."""

    def __init__(self, client: Client) -> None:
        self._client = client
        folder = files("streams.store") / "lua"
        prelude = (folder / "prelude.lua").read_text()
        self._texts = {
            path.name.removesuffix(".lua"): f"{prelude}\n{path.read_text()}"
            for path in folder.iterdir()
            if path.name.endswith(".lua") and path.name != "prelude.lua"
        }
        # Redis names scripts by SHA-1; nothing here relies on it being hard to forge.
        self._hashes = {
            name: sha1(text.encode(), usedforsecurity=False).hexdigest()
            for name, text in self._texts.items()
        }

    def run(self, name: str, tag: str, *arguments: Argument) -> Any:
        """Runs a script. `tag` is the hash tag all keys of the call share. The reply is
        redis-py's."""
        with store_errors():
            try:
                return self._client.evalsha(self._hashes[name], 1, tag, *arguments)
            except NoScriptError:
                return self._client.eval(self._texts[name], 1, tag, *arguments)
