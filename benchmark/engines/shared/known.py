"""What is known of a model before its weights are loaded: files, revision, dtype, arguments.

A run compares it with the store, so that other weights under the same name are noticed even if
nothing is left to collect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...console.masking import mask_arguments
from .engine import Identity
from .loaded_model import model_path

TRANSPORT = frozenset(
    (
        *("base_url", "num_concurrent", "max_retries", "timeout", "verify_certificate"),
        *("ca_cert_path", "header", "auth_token", "batch_size", "input_price", "output_price"),
    )
)
"""Arguments that determine how an endpoint is reached, not what it replies."""
PLACE = frozenset(
    (
        *("device", "device_map", "parallelize", "max_batch_size", "compile", "low_cpu_mem_usage"),
        *("max_memory_per_gpu", "max_cpu_memory", "offload_folder", "cache_dir", "token"),
        *("gpu_memory_utilization", "swap_space", "max_num_seqs", "max_num_batched_tokens"),
        *("tensor_parallel_size", "data_parallel_size", "pipeline_parallel_size"),
        *("trust_remote_code", "use_safetensors", "enforce_eager", "disable_log_stats"),
    )
)
"""Arguments that determine where and how fast a model runs, not what it answers."""
IDENTIFIED = frozenset({"pretrained", "model", "dtype", "revision"})
"""Arguments that the identity contains under other names."""
_PATHS = ("pretrained", "tokenizer", "peft", "delta")
"""Arguments that may name folders whose files determine the answers."""
_SMALL = (
    *("config.json", "generation_config.json", "added_tokens.json", "special_tokens_map.json"),
    *("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt"),
    *("merges.txt", "chat_template.jinja", "chat_template.json", "adapter_config.json"),
)
_BLOCK, _BLOCKS = 1 << 16, 64
"""Of a file larger than all blocks together, that many equally spaced blocks are hashed."""


def settings_of(model_args: Mapping[str, object]) -> dict[str, str]:
    """Return the arguments that determine answers, as texts without secrets."""
    left_out = TRANSPORT | PLACE | IDENTIFIED
    return mask_arguments({k: v for k, v in model_args.items() if k not in left_out})


def known_identity(engine: str, model_args: Mapping[str, object]) -> Identity:
    """Return what determines the results, as far as it is known without loading the model.

    No request is sent to an endpoint. Raises UsageError for a local path that holds no model.
    """
    identity: Identity = {"engine": engine, "settings": settings_of(model_args)}
    if engine not in ("hf", "vllm"):
        name = model_args.get("model") or model_args.get("pretrained")
        return identity | ({"model": str(name)} if name else {})
    if "pretrained" not in model_args:
        return identity
    folder = Path(
        model_path(str(model_args["pretrained"]), model_args.get("gguf_file"))
    ).expanduser()
    if not folder.is_dir():
        revision = _cached_revision(str(model_args["pretrained"]), model_args.get("revision"))
        identity |= {"revision": revision} if revision else {}
    named = [Path(str(model_args[name])).expanduser() for name in _PATHS[1:] if name in model_args]
    folders = [path for path in (folder, *named) if path.is_dir()]
    if folder.is_dir():
        identity["files"] = _digest(folders, model_args.get("gguf_file"))
    dtype = _dtype(folder, model_args.get("dtype"))
    return identity | ({"requested_dtype": dtype} if dtype else {})


def is_comparable(known: Mapping[str, object], stored: Mapping[str, object]) -> bool:
    """Return whether ``known`` suffices to tell if a store's answers come from this model.

    It does if both sides know the files, a revision or the model's name at its endpoint, or name
    the same model on a hub.
    """
    if any(stored.get(name) is not None and name in known for name in ("files", "revision")):
        return True
    return "files" not in known and stored.get("engine") == known["engine"]


def _cached_revision(name: str, revision: object) -> str | None:
    """Return the commit of a hub model in the local cache; None if it is not cached."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(
            name, "config.json", revision=None if revision is None else str(revision)
        )
    except (HFValidationError, ValueError):
        return None
    return Path(file).parent.name if isinstance(file, str) else None


def _dtype(folder: Path, dtype: object) -> str | None:
    """Return the dtype requested by the argument, else by the model's config; None if unknown."""
    if dtype in (None, "auto"):
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            dtype = config.get("dtype") or config.get("torch_dtype")
        except (OSError, ValueError, AttributeError, RecursionError):
            return None
    name = str(dtype).removeprefix("torch.")
    return None if dtype in (None, "auto") else _DTYPES.get(name, name)


_DTYPES = {"half": "float16", "float": "float32", "double": "float64"}


def _digest(folders: list[Path], gguf: object) -> str:
    """Hash the files that determine a model's answers: small ones whole, samples of weights."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in _files(folder, gguf):
            digest.update(f"{file.relative_to(folder)}:{file.stat().st_size}:".encode())
            for block in _blocks(file):
                digest.update(block)
    return digest.hexdigest()[:32]


def _files(folder: Path, gguf: object) -> list[Path]:
    small = [folder / name for name in _SMALL if (folder / name).is_file()]
    if gguf:
        return [*small, folder / str(gguf)] if (folder / str(gguf)).is_file() else small
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    return [*small, *weights]


def _blocks(file: Path) -> Iterator[bytes]:
    size = file.stat().st_size
    with file.open("rb") as handle:
        if size <= _BLOCK * _BLOCKS:
            yield handle.read()
            return
        for number in range(_BLOCKS):
            handle.seek((size - _BLOCK) * number // (_BLOCKS - 1))
            yield handle.read(_BLOCK)
