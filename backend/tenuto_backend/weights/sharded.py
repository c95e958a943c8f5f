"""`*.index.json`: the index of a checkpoint that is spread over several `.safetensors`, which stand beside it."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct

from tenuto_analysis.weights import Header
from tenuto_backend.reference.values import Array
from tenuto_backend.weights import safetensors
from tenuto_backend.weights.base import WeightsError, allowed, broken


class Sharded(Struct, frozen=True):
    path: Path
    header: Header
    shards: dict[str, safetensors.Safetensors]

    def tensor(self, name: str) -> Array:
        return self.shards[name].tensor(name)


def open_weights(path: Path, root: Path | None) -> Sharded:
    places = _places(path)
    opened: dict[str, safetensors.Safetensors] = {}
    for shard in dict.fromkeys(places.values()):
        file = allowed(path.parent / shard, root)
        if not file.is_file():
            raise WeightsError(path, f"names the shard `{shard}`, which is not beside it: fetch it too")
        opened[shard] = safetensors.open_weights(file, root)
    for name, shard in places.items():
        if name not in opened[shard].stored:
            raise broken(path, f"it says that `{name}` is in `{shard}`, which does not have it")
    tensors = tuple(opened[shard].stored[name] for name, shard in places.items())
    return Sharded(path, Header(tensors), {name: opened[shard] for name, shard in places.items()})


def _places(path: Path) -> dict[str, str]:
    """The file that holds each tensor."""
    try:
        index = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise broken(path, f"it is no JSON: {error}") from error
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict):
        raise broken(path, "it has no `weight_map`, which says where each tensor is")
    for name, shard in places.items():
        if not isinstance(shard, str) or Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise broken(
                path, f"the place of `{name}` is the name of a `.safetensors` beside it, not {json.dumps(shard)}"
            )
    return places
